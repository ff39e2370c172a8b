"""Drop the automatic indexes of columns that lead another index; they only make writes slower.

Plain SQL, because AlterField would recreate the foreign keys, which are defined differently on partitioned tables.
"""

import django.db.models.deletion
from django.db import migrations, models


INDEXES = {
    "doctor": "clinics_slot_doctor_id_25703a0e",
    "facility": "clinics_slot_facility_id_8d90d6e3",
}


class Migration(migrations.Migration):
    dependencies = [("clinics", "0002_history")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {index}", f"CREATE INDEX {index} ON clinics_slot ({name}_id)"
                )
                for name, index in INDEXES.items()
            ],
            [
                migrations.AlterField(
                    model_name="slot",
                    name=name,
                    field=models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="slots", to=f"clinics.{name}"
                    ),
                )
                for name in INDEXES
            ],
        ),
    ]

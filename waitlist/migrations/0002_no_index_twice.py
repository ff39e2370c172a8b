"""Drop the automatic index of the patient column, which duplicates the named index.

Plain SQL, because AlterField would recreate the foreign key, which is defined differently on partitioned tables.
"""

import django.db.models.deletion
from django.db import migrations, models

INDEX = "waitlist_waitlistentry_patient_id_58d86f6b"


class Migration(migrations.Migration):
    dependencies = [("waitlist", "0001_initial"), ("patients", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {INDEX}", f"CREATE INDEX {INDEX} ON waitlist_waitlistentry (patient_id)"
                )
            ],
            [
                migrations.AlterField(
                    model_name="waitlistentry",
                    name="patient",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_entries",
                        to="patients.patient",
                    ),
                )
            ],
        ),
    ]

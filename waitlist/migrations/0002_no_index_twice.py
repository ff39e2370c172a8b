"""The patient's column has an index by name; the one beside it, made for the reference, was the same once more.

In plain SQL: altering a reference would make it anew, which tables that are parted do differently.
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

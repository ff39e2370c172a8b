"""Let a name and phone be registered once in each facility instead of once in the installation.

The index is built before the table is locked for the exchange, so reads do not wait for it.
"""

from django.db import migrations, models

EXCHANGE = """
CREATE UNIQUE INDEX patient_registered_in_facility
    ON patients_patient (facility_id, name_key, phone_key, namesake);
ALTER TABLE patients_patient DROP CONSTRAINT patient_registered_once;
ALTER TABLE patients_patient
    ADD CONSTRAINT patient_registered_once UNIQUE USING INDEX patient_registered_in_facility;
"""
BACK = """
ALTER TABLE patients_patient DROP CONSTRAINT patient_registered_once;
ALTER TABLE patients_patient ADD CONSTRAINT patient_registered_once UNIQUE (name_key, phone_key, namesake);
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0008_facility_of_patients")]

    operations = [
        migrations.RunSQL(
            EXCHANGE,
            BACK,
            state_operations=[
                migrations.RemoveConstraint(model_name="patient", name="patient_registered_once"),
                migrations.AddConstraint(
                    model_name="patient",
                    constraint=models.UniqueConstraint(
                        fields=("facility", "name_key", "phone_key", "namesake"), name="patient_registered_once"
                    ),
                ),
            ],
        ),
    ]

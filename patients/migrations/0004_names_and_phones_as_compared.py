"""Names are compared without order, case and accents, phones as numbers of the hospital's country."""

from django.db import migrations

from patients.rekeying import compute_keys


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_a_stamp_of_all_names")]

    operations = [
        migrations.RunPython(
            lambda apps, editor: compute_keys(patients=apps.get_model("patients", "Patient"), editor=editor),
            migrations.RunPython.noop,
        )
    ]

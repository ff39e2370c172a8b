"""Allow several valid codes for one address, each stored as a keyed hash."""

from django.db import migrations, models


def delete_codes(apps, schema_editor):
    """Delete the codes with the former hashes; they expire after ten minutes anyway."""
    apps.get_model("accounts", "OneTimeCode").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_identity_keys'),
    ]

    operations = [
        migrations.RunPython(delete_codes, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name='onetimecode',
            name='one_time_code_newest_only',
        ),
        migrations.RemoveField(
            model_name='onetimecode',
            name='tries',
        ),
        migrations.AlterField(
            model_name='onetimecode',
            name='address',
            field=models.CharField(help_text='The e-mail address in normal form.', max_length=254),
        ),
        migrations.AlterField(
            model_name='onetimecode',
            name='code_hash',
            field=models.CharField(max_length=32),
        ),
        migrations.AddIndex(
            model_name='onetimecode',
            index=models.Index(fields=['purpose', 'address'], name='one_time_code_address'),
        ),
    ]

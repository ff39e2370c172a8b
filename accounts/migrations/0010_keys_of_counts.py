"""Call the key of a count `key`. The columns keep their name, `door`, so nothing in the database changes."""

from django.db import migrations, models


def _named_key(model_name: str) -> list[migrations.operations.base.Operation]:
    column = models.CharField(db_column="door", max_length=32, primary_key=True, serialize=False)
    return [
        migrations.AlterField(model_name=model_name, name="door", field=column),
        migrations.RenameField(model_name=model_name, old_name="door", new_name="key"),
    ]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_history_ids_of_64_bits")]

    operations = [*_named_key("attemptcount"), *_named_key("knownaddress")]

from django.db import migrations, models

COPY_LAST_SEAL = """
INSERT INTO accounts_readtrailend (id, number, digest)
SELECT 1, number, digest FROM accounts_readseal ORDER BY number DESC LIMIT 1
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_known_addresses")]

    operations = [
        migrations.CreateModel(
            name="ReadTrailEnd",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="read_trail_ends_once")],
            },
        ),
        migrations.RunSQL(COPY_LAST_SEAL, migrations.RunSQL.noop),
    ]

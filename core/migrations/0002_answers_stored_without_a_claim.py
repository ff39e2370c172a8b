"""A key is no longer claimed before the work: its record is written once, with the answer."""

from django.db import migrations, models
from django.db.models import Q


def drop_claims(apps, schema_editor):
    """Remove the records of requests without an answer: they kept a key for a run that has ended by now."""
    apps.get_model("core", "IdempotencyRecord").objects.filter(status=None).delete()


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunPython(drop_claims, migrations.RunPython.noop),
        migrations.RemoveIndex("idempotencyrecord", "idempotency_by_age"),
        migrations.RemoveConstraint("idempotencyrecord", "idempotency_keeps_successes"),
        migrations.RemoveField("idempotencyrecord", "claim"),
        migrations.RenameField("idempotencyrecord", "claimed_at", "stored_at"),
        migrations.AlterField("idempotencyrecord", "status", models.PositiveSmallIntegerField(editable=False)),
        migrations.AddIndex("idempotencyrecord", models.Index(fields=["stored_at"], name="idempotency_by_age")),
        migrations.AddConstraint(
            "idempotencyrecord",
            models.CheckConstraint(
                condition=Q(status__gte=200, status__lt=300), name="idempotency_keeps_successes"
            ),
        ),
    ]

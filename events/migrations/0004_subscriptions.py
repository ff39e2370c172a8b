from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_readers_stop_below_what_is_under_way")]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("moved_at", models.DateTimeField()),
            ],
        ),
    ]

"""A stored report knows from which slots it was made, and is made anew when these change.

Reports stored before have no basis: those of days with slots count as outdated and are made anew once.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0001_initial'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='dailyreport',
            name='daily_report_never_changes',
        ),
        migrations.AddField(
            model_name='dailyreport',
            name='basis',
            field=models.CharField(blank=True, default='', max_length=32),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyreport',
            trigger=pgtrigger.compiler.Trigger(name='daily_report_follows_its_slots', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."basis" = (NEW."basis"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4ee9bbe77dab2458593d68d5cf27d48a29b97910', operation='UPDATE', pgid='pgtrigger_daily_report_follows_its_slots_8550c', table='reports_dailyreport', when='BEFORE')),
        ),
    ]

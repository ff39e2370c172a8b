"""Add the facility to the slot history, and change history ids to 64 bits.

Rows of deleted slots get the facility of their doctor, or of the history of a deleted doctor.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

FILL = """
ALTER TABLE clinics_slothistory DISABLE TRIGGER USER;
UPDATE clinics_slothistory AS row SET facility_id = coalesce(
    (SELECT facility_id FROM clinics_slot WHERE id = row.pgh_obj_id),
    (SELECT facility_id FROM clinics_doctor WHERE id = row.doctor_id),
    (SELECT facility_id FROM clinics_doctorevent WHERE pgh_obj_id = row.doctor_id LIMIT 1),
    (SELECT id FROM clinics_facility ORDER BY id LIMIT 1)
);
ALTER TABLE clinics_slothistory ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clinics', '0003_no_index_twice'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='slot',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='slot',
            name='delete_delete',
        ),
        migrations.AddField(
            model_name='slothistory',
            name='facility',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinics.facility'),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='slothistory',
            name='facility',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinics.facility'),
        ),
        migrations.AlterField(
            model_name='doctorevent',
            name='pgh_id',
            field=models.BigAutoField(primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='slothistory',
            name='pgh_id',
            field=models.BigAutoField(primary_key=True, serialize=False),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='slot',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."consultation_minutes" IS DISTINCT FROM (NEW."consultation_minutes") OR OLD."doctor_id" IS DISTINCT FROM (NEW."doctor_id") OR OLD."end_time" IS DISTINCT FROM (NEW."end_time") OR OLD."facility_id" IS DISTINCT FROM (NEW."facility_id") OR OLD."max_capacity" IS DISTINCT FROM (NEW."max_capacity") OR OLD."start_time" IS DISTINCT FROM (NEW."start_time") OR OLD."status" IS DISTINCT FROM (NEW."status"))', func='INSERT INTO "clinics_slothistory" ("consultation_minutes", "doctor_id", "end_time", "facility_id", "max_capacity", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_time", "status") VALUES (NEW."consultation_minutes", NEW."doctor_id", NEW."end_time", NEW."facility_id", NEW."max_capacity", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."start_time", NEW."status"); RETURN NULL;', hash='0daa62cbaddb28ace08856178f26fe4e4f7e20ee', operation='UPDATE', pgid='pgtrigger_update_update_d76c3', table='clinics_slot', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='slot',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "clinics_slothistory" ("consultation_minutes", "doctor_id", "end_time", "facility_id", "max_capacity", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "start_time", "status") VALUES (OLD."consultation_minutes", OLD."doctor_id", OLD."end_time", OLD."facility_id", OLD."max_capacity", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."start_time", OLD."status"); RETURN NULL;', hash='2212f47dadd1f990527ab2c5cc59a4babfc8d895', operation='DELETE', pgid='pgtrigger_delete_delete_464f8', table='clinics_slot', when='AFTER')),
        ),
    ]

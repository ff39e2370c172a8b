"""Give every API key and every member of staff a facility: that of the user's doctor, or else the first one.

Active administrators become superusers, who act in all facilities as they did before.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.db.references import facility_of_existing_rows

FILL = """
UPDATE accounts_user SET
    is_superuser = role = 'ADMIN' AND is_active,
    facility_id = coalesce(
        (SELECT facility_id FROM clinics_doctor WHERE id = doctor_id), (SELECT id FROM clinics_facility ORDER BY id LIMIT 1)
    )
WHERE role <> 'PATIENT';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_read_lists'),
        ('clinics', '0004_slot_history_by_facility'),
        ('patients', '0006_history_ids_of_64_bits'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apikey',
            name='delete_delete',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='user',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='user',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='user',
            name='delete_delete',
        ),
        migrations.AddField(
            model_name='apikey',
            name='facility',
            field=models.ForeignKey(default=facility_of_existing_rows, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='clinics.facility'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='apikeyevent',
            name='facility',
            field=models.ForeignKey(db_constraint=False, default=facility_of_existing_rows, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinics.facility'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='user',
            name='facility',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='clinics.facility'),
        ),
        migrations.AddField(
            model_name='user',
            name='is_superuser',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name='userevent',
            name='facility',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinics.facility'),
        ),
        migrations.AddField(
            model_name='userevent',
            name='is_superuser',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_apikeyevent" ("allowed_networks", "created_at", "created_by_id", "expires_at", "facility_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (NEW."allowed_networks", NEW."created_at", NEW."created_by_id", NEW."expires_at", NEW."facility_id", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='414026ba8ee512f1c6a7fee80e531ae4fd97271e', operation='INSERT', pgid='pgtrigger_insert_insert_1ed31', table='accounts_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."allowed_networks" IS DISTINCT FROM (NEW."allowed_networks") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."facility_id" IS DISTINCT FROM (NEW."facility_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."prefix" IS DISTINCT FROM (NEW."prefix") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."scopes" IS DISTINCT FROM (NEW."scopes"))', func='INSERT INTO "accounts_apikeyevent" ("allowed_networks", "created_at", "created_by_id", "expires_at", "facility_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (NEW."allowed_networks", NEW."created_at", NEW."created_by_id", NEW."expires_at", NEW."facility_id", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='63fff61e388d70d0da6b73e0e7d542e40eb098fa', operation='UPDATE', pgid='pgtrigger_update_update_1c34c', table='accounts_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_apikeyevent" ("allowed_networks", "created_at", "created_by_id", "expires_at", "facility_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (OLD."allowed_networks", OLD."created_at", OLD."created_by_id", OLD."expires_at", OLD."facility_id", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prefix", OLD."revoked_at", OLD."scopes"); RETURN NULL;', hash='30a72f1e736c794c815e3952b0b6efcb201c6b52', operation='DELETE', pgid='pgtrigger_delete_delete_18c5d', table='accounts_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_userevent" ("created_at", "doctor_id", "email", "facility_id", "id", "is_active", "is_superuser", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "session_version", "username") VALUES (NEW."created_at", NEW."doctor_id", NEW."email", NEW."facility_id", NEW."id", NEW."is_active", NEW."is_superuser", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."role", NEW."session_version", NEW."username"); RETURN NULL;', hash='377717c5066c28678dd6b2bcfef94d635d8222d1', operation='INSERT', pgid='pgtrigger_insert_insert_3867c', table='accounts_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."doctor_id" IS DISTINCT FROM (NEW."doctor_id") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."facility_id" IS DISTINCT FROM (NEW."facility_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."is_superuser" IS DISTINCT FROM (NEW."is_superuser") OR OLD."role" IS DISTINCT FROM (NEW."role") OR OLD."session_version" IS DISTINCT FROM (NEW."session_version") OR OLD."username" IS DISTINCT FROM (NEW."username"))', func='INSERT INTO "accounts_userevent" ("created_at", "doctor_id", "email", "facility_id", "id", "is_active", "is_superuser", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "session_version", "username") VALUES (NEW."created_at", NEW."doctor_id", NEW."email", NEW."facility_id", NEW."id", NEW."is_active", NEW."is_superuser", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."role", NEW."session_version", NEW."username"); RETURN NULL;', hash='37d8300b8bf8afadac156d225aae7f40361d9fbb', operation='UPDATE', pgid='pgtrigger_update_update_0e890', table='accounts_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_userevent" ("created_at", "doctor_id", "email", "facility_id", "id", "is_active", "is_superuser", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "session_version", "username") VALUES (OLD."created_at", OLD."doctor_id", OLD."email", OLD."facility_id", OLD."id", OLD."is_active", OLD."is_superuser", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."role", OLD."session_version", OLD."username"); RETURN NULL;', hash='c4b459d99304dc2c5701340038861a6df9c056d5', operation='DELETE', pgid='pgtrigger_delete_delete_19f14', table='accounts_user', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('facility__isnull', True), ('role', 'PATIENT')), models.Q(models.Q(('role', 'PATIENT'), _negated=True), models.Q(('facility__isnull', False), ('is_superuser', True), _connector='OR')), _connector='OR'), name='user_facility_by_role'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_superuser', False), ('role', 'ADMIN'), _connector='OR'), name='user_superuser_is_admin'),
        ),
    ]

"""Give every patient a facility: that of their tokens, or else the first one.

The column is added with a constant default, so no row is rewritten. The next migration makes the constraint on
registrations apply within a facility.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.db.references import facility_of_existing_rows

BOOKED = """
SELECT patient_id, array_agg(DISTINCT facility_id)
FROM (
    SELECT patient_id, facility_id FROM tokens_token
    UNION ALL SELECT patient_id, facility_id FROM waitlist_waitlistentry
) AS booked GROUP BY patient_id
HAVING min(facility_id::text) <> %s OR count(DISTINCT facility_id) > 1
"""
MOVE = """
UPDATE patients_patient AS row SET facility_id = given.facility_id
FROM unnest(%s::uuid[], %s::uuid[]) AS given (id, facility_id) WHERE row.id = given.id
"""


def follow_tokens(apps, schema_editor):
    """Move patients who were booked in another facility than the first one there.

    Raise RuntimeError if a patient was booked in several facilities.
    """
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('tokens_token'), to_regclass('waitlist_waitlistentry')")
        if None in cursor.fetchone() or apps.get_model("clinics", "Facility").objects.count() < 2:
            return
        cursor.execute(BOOKED, [str(facility_of_existing_rows())])
        booked = cursor.fetchall()
        several = [str(patient) for patient, facilities in booked if len(facilities) > 1]
        if several:
            raise RuntimeError(f"Patients with tokens in several facilities; register them anew there: {several[:20]}")
        cursor.execute(MOVE, [[patient for patient, _ in booked], [facilities[0] for _, facilities in booked]])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):

    dependencies = [
        ('clinics', '0004_slot_history_by_facility'),
        ('patients', '0007_sex_approximate_birth_date_no_phone'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='patient',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='patient',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='patient',
            name='delete_delete',
        ),
        migrations.AddField(
            model_name='patient',
            name='facility',
            field=models.ForeignKey(db_index=False, default=facility_of_existing_rows, on_delete=django.db.models.deletion.PROTECT, related_name='patients', to='clinics.facility'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='patientevent',
            name='facility',
            field=models.ForeignKey(db_constraint=False, default=facility_of_existing_rows, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='clinics.facility'),
            preserve_default=False,
        ),
        migrations.RunPython(follow_tokens, migrations.RunPython.noop),
        pgtrigger.migrations.AddTrigger(
            model_name='patient',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_patientevent" ("birth_date_is_approximate", "created_at", "date_of_birth", "email", "erased_at", "facility_id", "id", "is_active", "name", "name_key", "namesake", "needs_assistance", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_key", "sex", "version") VALUES (NEW."birth_date_is_approximate", NEW."created_at", NEW."date_of_birth", NEW."email", NEW."erased_at", NEW."facility_id", NEW."id", NEW."is_active", NEW."name", NEW."name_key", NEW."namesake", NEW."needs_assistance", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."phone_key", NEW."sex", NEW."version"); RETURN NULL;', hash='21c6869626cb77737a0d96cf94dda1653bc6a9c4', operation='INSERT', pgid='pgtrigger_insert_insert_62165', table='patients_patient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='patient',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "patients_patientevent" ("birth_date_is_approximate", "created_at", "date_of_birth", "email", "erased_at", "facility_id", "id", "is_active", "name", "name_key", "namesake", "needs_assistance", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_key", "sex", "version") VALUES (NEW."birth_date_is_approximate", NEW."created_at", NEW."date_of_birth", NEW."email", NEW."erased_at", NEW."facility_id", NEW."id", NEW."is_active", NEW."name", NEW."name_key", NEW."namesake", NEW."needs_assistance", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."phone_key", NEW."sex", NEW."version"); RETURN NULL;', hash='3b012a5c315c2351f06ef98082fc492b5cc33a79', operation='UPDATE', pgid='pgtrigger_update_update_546ce', table='patients_patient', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='patient',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "patients_patientevent" ("birth_date_is_approximate", "created_at", "date_of_birth", "email", "erased_at", "facility_id", "id", "is_active", "name", "name_key", "namesake", "needs_assistance", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_key", "sex", "version") VALUES (OLD."birth_date_is_approximate", OLD."created_at", OLD."date_of_birth", OLD."email", OLD."erased_at", OLD."facility_id", OLD."id", OLD."is_active", OLD."name", OLD."name_key", OLD."namesake", OLD."needs_assistance", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."phone_key", OLD."sex", OLD."version"); RETURN NULL;', hash='3b9bc563c186cb921686b5461878c8a103efaf0a', operation='DELETE', pgid='pgtrigger_delete_delete_9898d', table='patients_patient', when='AFTER')),
        ),
    ]

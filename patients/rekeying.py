"""Recomputing the keys of all patients after a change of the rules or of the country."""

from collections.abc import Iterator
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from patients.identity import name_key, phone_key

PAGE = 5_000
MERGED = "merged "
"""What the name keys of merged records begin with; migrations run this for tables without `merged_into`."""
_ONCE = "patient_registered_once"
_FILL = """
    UPDATE patients_patient AS row SET name_key = given.name_key, phone_key = given.phone_key
    FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS given (id, name_key, phone_key) WHERE row.id = given.id
"""
# Only groups with duplicate namesake numbers are renumbered.
_RENUMBER = """
    UPDATE patients_patient AS row SET namesake = given.namesake FROM (
        SELECT id, row_number() OVER (PARTITION BY {keys} ORDER BY namesake, id) - 1 AS namesake
        FROM patients_patient WHERE ({keys}) IN (
            SELECT {keys} FROM patients_patient GROUP BY {keys}
            HAVING count(*) > count(DISTINCT namesake)
        )
    ) AS given WHERE row.id = given.id AND row.namesake <> given.namesake
"""


def compute_keys(*, patients: type[Any], editor: BaseDatabaseSchemaEditor) -> int:
    """Recompute `name_key` and `phone_key` of all patients; return the number of patients whose keys changed.

    Records that now have the same keys are kept as namesakes. Runs in the editor's transaction, which blocks
    registrations. No history is written, because no data of a patient changes.
    """
    [once] = (each for each in patients._meta.constraints if each.name == _ONCE)
    # The columns besides the namesake number: migrations also run this for a table without facilities.
    columns = [patients._meta.get_field(name).column for name in once.fields if name != "namesake"]
    changed = 0
    editor.execute("ALTER TABLE patients_patient DISABLE TRIGGER USER")
    editor.remove_constraint(patients, once)
    with editor.connection.cursor() as cursor:
        for page in _pages(patients):
            keys = [(pk, name_key(name), phone_key(phone or ""), *before) for pk, name, phone, *before in page]
            stale = [(pk, name, phone) for pk, name, phone, *before in keys if before != [name, phone]]
            if stale:
                cursor.execute(_FILL, [list(column) for column in zip(*stale, strict=True)])
            changed += len(stale)
        cursor.execute(_RENUMBER.format(keys=", ".join(columns)))
    editor.add_constraint(patients, once)
    editor.execute("ALTER TABLE patients_patient ENABLE TRIGGER USER")
    return changed


def _pages(patients: type[Any]) -> Iterator[list[Any]]:
    rows = patients.objects.filter(erased_at=None).exclude(name_key__startswith=MERGED).order_by("pk")
    rows = rows.values_list("pk", "name", "phone", "name_key", "phone_key")
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1][0])[:PAGE])

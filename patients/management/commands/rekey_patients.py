"""`manage.py rekey_patients`: recompute the keys of names and phones by the present rules and country."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from patients.models import Patient
from patients.rekeying import compute_keys


class Command(BaseCommand):
    help = (
        "Recompute the keys by which patients' names and phones are compared. Run it after changing OPD_PHONE_REGION."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.schema_editor() as editor:
            changed = compute_keys(patients=Patient, editor=editor)
        self.stdout.write(f"The keys of {changed} patients changed.")

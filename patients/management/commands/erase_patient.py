"""`manage.py erase_patient ID`: forget a person, keep the counts."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import EngineError
from patients.models import Patient
from patients.privacy import erase_patient, mask_name, mask_phone


class Command(BaseCommand):
    help = "Remove a person's data for good; tokens and reports keep their numbers. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient_id", type=UUID, help="the patient's id")

    def handle(self, *args: Any, **options: Any) -> None:
        patient_id = options["patient_id"]
        patient = Patient.objects.filter(pk=patient_id).first()
        who = f"{mask_name(patient.name)} {mask_phone(patient.phone)}" if patient else "a record that was deleted"
        try:
            erase_patient(patient_id=patient_id)
        except EngineError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Erased {who.strip()} ({patient_id}).")

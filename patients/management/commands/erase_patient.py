"""`manage.py erase_patient ID`: erase a patient's personal data and keep the counts."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import EngineError
from patients.models import Patient
from patients.privacy import erase_patient, mask_name, mask_phone


class Command(BaseCommand):
    help = "Erase a patient's personal data permanently; tokens and reports keep their counts. It cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient_id", type=UUID, help="the patient's id")

    def handle(self, *args: Any, **options: Any) -> None:
        patient_id = options["patient_id"]
        patient = Patient.objects.filter(pk=patient_id).first()
        masked = f"{mask_name(patient.name)} {mask_phone(patient.phone)}" if patient else "a deleted record"
        try:
            erase_patient(patient_id=patient_id)
        except EngineError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Erased {masked.strip()} ({patient_id}).")

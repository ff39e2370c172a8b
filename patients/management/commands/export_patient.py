"""`manage.py export_patient ID`: write all data stored about a patient to the standard output as JSON."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from core.errors import EngineError
from patients.privacy import export_patient


class Command(BaseCommand):
    help = "Write all data stored about a patient as JSON. The export is recorded in the read trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient_id", type=UUID, help="the patient's id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            about = export_patient(patient_id=options["patient_id"])
        except EngineError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(json.dumps(about, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))

"""`manage.py export_patient ID`: everything that is kept about a person, as JSON on the standard output."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from core.errors import EngineError
from patients.privacy import export_patient


class Command(BaseCommand):
    help = "Write everything that is kept about a patient as JSON. The reading is put on the read trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient_id", type=UUID, help="the patient's id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            about = export_patient(patient_id=options["patient_id"])
        except EngineError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(json.dumps(about, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))

"""manage.py export_facility"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import NotFound
from ops.facility_export import ExportError, export_facility


class Command(BaseCommand):
    """Write everything that belongs to a facility as JSON lines and CSV, one file for each table, without secrets."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="the facility's code")
        parser.add_argument("folder", type=Path, help="a new folder, readable by its owner only")

    def handle(self, *args: Any, code: str, folder: Path, **options: Any) -> None:
        try:
            counts = export_facility(code=code, folder=folder)
        except NotFound as error:
            raise CommandError(f"There is no facility {code}.") from error
        except (ExportError, OSError) as error:
            raise CommandError(str(error)) from error
        for table, count in counts.items():
            self.stdout.write(f"{count:>9} {table}")
        self.stdout.write(f"Exported {code} to {folder}. The files hold patients' data.")

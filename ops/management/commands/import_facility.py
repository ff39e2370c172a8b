"""manage.py import_facility"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import NotFound
from ops.facility_import import import_facility


class Command(BaseCommand):
    """Import the doctors, patients and future slots of a facility from CSV files: all of them, or nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="the facility's code")
        for kind in ("doctors", "patients", "slots"):
            parser.add_argument(f"--{kind}", type=Path, help="CSV in UTF-8; the first line names the columns")
        parser.add_argument("--dry-run", action="store_true", help="name the bad lines and change nothing")

    def handle(self, *args: Any, code: str, dry_run: bool, **options: Any) -> None:
        files = {kind: options[kind] for kind in ("doctors", "patients", "slots")}
        try:
            done = import_facility(code=code, dry_run=dry_run, **files)
        except NotFound as error:
            raise CommandError(f"There is no facility {code}.") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        for line in done.errors:
            self.stderr.write(line)
        if done.errors:
            raise CommandError("Nothing was changed: correct these lines first.")
        counts = ", ".join(f"{count} {kind}" for kind, count in done.counts.items()) or "nothing"
        self.stdout.write(f"{'Can import' if dry_run else 'Imported'} {counts}.")

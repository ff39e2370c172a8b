"""manage.py restore"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.backup import BackupError, restore


class Command(BaseCommand):
    """Restores a backup: unpacked beside the database, checked, and only then put in its place."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="also if the database holds something; it is kept")
        parser.add_argument("--no-check", action="store_true", help="put it in place without checking it")

    def handle(self, *args: Any, file: Path, replace: bool, no_check: bool, **options: Any) -> None:
        try:
            restore(file, replace=replace, check=not no_check, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error

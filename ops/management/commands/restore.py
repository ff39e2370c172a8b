"""manage.py restore"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.backup import BackupError, restore


class Command(BaseCommand):
    """Restore a backup: unpack it into a scratch database, check it, and then replace the database with it."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="replace a database that is not empty; it is kept under another name"
        )
        parser.add_argument("--no-check", action="store_true", help="replace the database without checking the backup")

    def handle(self, *args: Any, file: Path, replace: bool, no_check: bool, **options: Any) -> None:
        try:
            restore(file, replace=replace, check=not no_check, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error

"""manage.py backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.backup import BackupError, back_up


class Command(BaseCommand):
    """Write a backup of the database, restore it into a scratch database and check it there."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="readable by its owner only; an existing file is replaced")
        parser.add_argument("--no-check", action="store_true", help="do not restore and check the backup")

    def handle(self, *args: Any, file: Path, no_check: bool, **options: Any) -> None:
        try:
            back_up(file, check=not no_check, say=self.stdout.write)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error

"""manage.py backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.backup import BackupError, back_up


class Command(BaseCommand):
    """Writes a backup of the database and proves it: it is restored into a scratch database and checked."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="readable by its owner only; an old one of that name is replaced")
        parser.add_argument("--no-check", action="store_true", help="write it without restoring and checking it")

    def handle(self, *args: Any, file: Path, no_check: bool, **options: Any) -> None:
        try:
            back_up(file, check=not no_check, say=self.stdout.write)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error

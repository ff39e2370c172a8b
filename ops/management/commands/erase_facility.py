"""manage.py erase_facility"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import EngineError, NotFound
from ops.facility_erasure import erase_facility


class Command(BaseCommand):
    """Erase a facility's personal data, users and keys for good; counts, ids and times remain. It cannot be undone."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="the facility's code")
        parser.add_argument("--confirm", help="the code once more; without it you are asked to type it")

    def handle(self, *args: Any, code: str, confirm: str | None, **options: Any) -> None:
        if confirm is None:
            confirm = input(f"This erases facility {code} for good. Export it first. Type its code to go on: ")
        if confirm != code:
            raise CommandError("The code does not match: nothing was changed.")
        try:
            erased = erase_facility(code=code)
        except NotFound as error:
            raise CommandError(f"There is no facility {code}.") from error
        except EngineError as error:
            raise CommandError(error.detail) from error
        counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in erased.items())
        self.stdout.write(f"Erased {code}: {counts}.")

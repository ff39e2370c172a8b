"""manage.py check_invariants"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tokens.audit.invariants import CHECKS, broken


class Command(BaseCommand):
    """Checks every invariant on one snapshot; prints a line for each violation, and exits with 1 if there is any."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for line in broken():
            count += 1
            self.stdout.write(line)
        if count:
            raise CommandError(f"{count} breaks", returncode=1)
        self.stdout.write(f"All {len(CHECKS)} invariants hold.")

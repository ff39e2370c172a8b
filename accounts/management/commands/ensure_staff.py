"""Create the first administrator and front-desk user."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.access.roles import Role
from accounts.models import User, first_facility_id
from core.db.transactions import atomic

_FIRST_STAFF = {"admin": Role.ADMIN, "desk": Role.FRONT_DESK}


class Command(BaseCommand):
    """Create the users `admin`, a superuser, and `desk` with random passwords, unless an ADMIN exists."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--credentials FILE`, the file for the passwords, readable by its owner only."""
        parser.add_argument("--credentials", type=Path, required=True, help="file to write the passwords to, mode 600")

    def handle(self, *args: Any, credentials: Path, **options: Any) -> None:
        """Create the users, write the passwords to the file and print them once."""
        if User.objects.filter(role=Role.ADMIN).exists():
            self.stdout.write("An administrator exists already: nothing to do.")
            return
        lines = []
        with atomic():
            for username, role in _FIRST_STAFF.items():
                user = User.objects.filter(username_key=username).first() or User(username=username)
                password = secrets.token_urlsafe(15)
                user.role, user.is_active, user.is_superuser = role, True, role == Role.ADMIN
                user.facility_id = first_facility_id()
                user.set_password(password)
                user.save()
                lines.append(f"{username} {password}")
            _write(credentials, lines)
        for line in lines:
            self.stdout.write(line)
        self.stdout.write(f"Saved in {credentials}. Change the passwords and delete the file.")


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")

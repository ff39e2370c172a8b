"""manage.py make_roles"""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.core.management.base import BaseCommand, CommandError

from devserver.roles import Login, role_statements


class Command(BaseCommand):
    """Create the roles that DATABASE_OWNER_URL and DATABASE_URL name, and make the owner own the database.

    Connects as the superuser in DATABASE_ADMIN_URL. Run it before migrate; it may be repeated. It also converts a
    database that one role has owned so far to two roles.
    """

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        admin, owner, application = (
            _required(name) for name in ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL")
        )
        names = [urlsplit(url).username for url in (admin, owner, application)]
        if len(set(names)) < 3:
            raise CommandError("The superuser, the owner and the application must be three different roles.")
        try:
            with psycopg.connect(admin, connect_timeout=10) as connection:
                for statement in role_statements(
                    owner=_login(owner), application=_login(application), database=connection.info.dbname
                ):
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The role {names[1]} owns the database; the engine uses the role {names[2]}.")


def _required(name: str) -> str:
    if value := os.environ.get(name, "").strip():
        return value
    raise CommandError(f"{name} must be set.")


def _login(url: str) -> Login:
    parts = urlsplit(url)
    return Login(name=unquote(parts.username or ""), password=unquote(parts.password or ""))

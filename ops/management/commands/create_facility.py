"""manage.py create_facility"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from accounts.access.roles import Role
from accounts.api.fields import StrictEmailField
from accounts.users import create_user
from clinics.api.serializers import NewFacilitySerializer
from clinics.facilities import create_facility
from core.api.problem_details import describe
from core.db.transactions import atomic
from core.errors import EngineError

ACTOR = "command:create_facility"


class Command(BaseCommand):
    """Add a facility, and its first administrator if an e-mail address is given."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--code", required=True, help="capital letters, digits and dashes, at most 16")
        parser.add_argument("--time-zone", help="for example Asia/Kolkata; by default that of the server")
        parser.add_argument("--admin-email", help="of the first administrator, who chooses a password by this address")
        parser.add_argument("--admin-username", help="by default the e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in ("name", "code", "time_zone") if options[name] is not None}
        try:
            serializer = NewFacilitySerializer(data=given)
            serializer.is_valid(raise_exception=True)
            with atomic():
                facility = create_facility(**serializer.validated_data)
                if options["admin_email"]:
                    _add_administrator(facility, options["admin_email"], options["admin_username"])
        except (EngineError, ValidationError) as error:
            raise CommandError(_told(error)) from error
        self.stdout.write(f"Added facility {facility.code} ({facility.pk}).")
        if options["admin_email"]:
            self.stdout.write("The administrator has no password yet: choose one with `auth/password/forgot/`.")


def _add_administrator(facility: Any, address: str, username: str | None) -> None:
    email = StrictEmailField().run_validation(address)
    create_user(
        username=username or email, email=email, role=Role.ADMIN, facility_id=facility.pk, password=None, by=ACTOR
    )


def _told(error: Exception) -> str:
    problem, _ = describe(error)
    return "\n".join(f"{each['field']}: {each['detail']}" for each in problem.get("errors", [])) or problem["detail"]

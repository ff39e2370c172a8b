"""Registration of patients and password resets. Neither discloses whether an account exists."""

import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError as DjangoValidationError

from accounts import hooks, mail, users
from accounts.access.principal import actor_of
from accounts.access.roles import Role
from accounts.access.scoping import named_or_only_facility
from accounts.audit.security_log import log_event
from accounts.auth import one_time_codes, passwords
from accounts.errors import WrongCode
from accounts.models import OneTimeCode, User
from core.db.transactions import atomic
from core.errors import ValidationFailed
from core.ids import new_id

_REGISTER, _RESET = OneTimeCode.Purpose.REGISTER, OneTimeCode.Purpose.RESET


def request_registration(
    *,
    email: str,
    password: str,
    name: str,
    phone: str,
    sender: str,
    date_of_birth: datetime.date | None = None,
    facility_id: UUID | None = None,
) -> None:
    """Store the request and mail its code; if the address has an account, mail a notice to its owner instead.

    Each request has its own code, so that several requests for one address are not confused. `sender` is the client
    address. Raise ValidationFailed for a weak password or if the facility is not named and there are several, and
    NotFound for an unknown facility, before anything else is done.
    """
    facility_id = named_or_only_facility(facility_id)
    person = passwords.Person(name, phone, date_of_birth)
    passwords.check_password(password=password, user=User(username=email, email=email), people=[person])
    details = {
        "password": make_password(password),
        "name": name,
        "phone": phone,
        "date_of_birth": date_of_birth.isoformat() if date_of_birth else None,
        "facility": str(facility_id),
    }
    owner = User.objects.find(email)
    code = one_time_codes.new_code(purpose=_REGISTER, address=email, sender=sender, details={} if owner else details)
    if owner is None:
        _send_mail("register", email, code, facility_id)
    else:
        _send_mail("registered", owner.email, code, facility_id)


def register(*, email: str, otp: str, sender: str) -> User:
    """Create the PATIENT of the request with this code, and a patient record; raise WrongCode for an invalid code."""
    row = one_time_codes.find_code(purpose=_REGISTER, address=email, code=otp, sender=sender)
    if not row.details or User.objects.find(email) is not None:
        raise WrongCode
    born = row.details["date_of_birth"]
    try:
        with atomic():
            one_time_codes.consume(row)
            return _make_patient(email, row.details, datetime.date.fromisoformat(born) if born else None)
    except ValidationFailed as error:  # a concurrent request took the address
        raise WrongCode from error


def request_password_reset(*, email: str, sender: str) -> None:
    """Mail a code to the active user with this address; without one, take as long but send no mail."""
    user = _active_user(email)
    details = {"user": str(user.pk)} if user else {}
    code = one_time_codes.new_code(purpose=_RESET, address=email, sender=sender, user=user, details=details)
    _send_mail("reset", user.email if user else "", code, user.facility_id if user else None)


def reset_password(*, email: str, otp: str, new_password: str, sender: str) -> User:
    """Set a new password, end all sessions of the user and return the user; raise WrongCode for an invalid code."""
    user = _active_user(email)
    row = one_time_codes.find_code(purpose=_RESET, address=email, code=otp, sender=sender, user=user)
    if user is None or str(user.pk) != row.details.get("user"):
        raise WrongCode
    with atomic():
        one_time_codes.consume(row)
        users.set_password(user_id=user.pk, password=new_password, by=actor_of("user", user.pk))
    log_event("password_reset", user=user.pk)
    return user


def _make_patient(email: str, details: dict[str, Any], date_of_birth: datetime.date | None) -> User:
    with atomic():
        patient_id = hooks.patient_registrar()(
            # A request stored before the facility was part of it belongs to the only one.
            facility_id=UUID(details["facility"]) if "facility" in details else named_or_only_facility(None),
            name=details["name"],
            phone=details["phone"],
            email=email,
            date_of_birth=date_of_birth,
        )
        return users.create_user(
            username=_available_username(email),
            email=email,
            role=Role.PATIENT,
            by="system:registration",
            password_hash=details["password"],
            patient_ids=[patient_id],
        )


def _available_username(email: str) -> str:
    """Return the address if it is a valid user name; otherwise a new, unique name."""
    try:
        User._meta.get_field("username").run_validators(email)
    except DjangoValidationError:
        return f"patient-{new_id()}"
    return email


def _active_user(email: str) -> User | None:
    user = User.objects.find_by_email(email)
    return user if user is not None and user.is_active else None


def _send_mail(template: str, address: str, code: str | None, facility_id: UUID | None) -> None:
    """Mail the address; send nothing but take as long if it is empty, and do nothing if no code was created."""
    if code is not None:
        mail.send(template=template, address=address, code=code, hospital=_shown_name(facility_id), dry_run=not address)


def _shown_name(facility_id: UUID | None) -> str:
    """Return the name that the facility shows, or the only one if None; empty if there are several."""
    facilities: Any = User._meta.get_field("facility").related_model
    rows = facilities.objects.filter(pk=facility_id) if facility_id else facilities.objects.order_by("id")
    found = list(rows[:2])
    return found[0].shown_name if len(found) == 1 else ""

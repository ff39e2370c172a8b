"""How a patient gets an account of their own, and how anybody gets a new password; neither tells who has an account."""

import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError as DjangoValidationError

from accounts import hooks, mail, users
from accounts.access.principal import actor_of
from accounts.access.roles import Role
from accounts.audit.security_log import note
from accounts.auth import one_time_codes, passwords
from accounts.errors import WrongCode
from accounts.models import OneTimeCode, User
from core.db.transactions import atomic
from core.errors import ValidationFailed
from core.ids import new_id

_REGISTER, _RESET = OneTimeCode.Purpose.REGISTER, OneTimeCode.Purpose.RESET


def ask_to_register(
    *, email: str, password: str, name: str, phone: str, sender: str, date_of_birth: datetime.date | None = None
) -> None:
    """Keep the request and mail its code; for a taken address, mail its owner that they have an account.

    Each request has a code of its own, so several for one address do not mix. The sender is a client address.
    A weak password is refused before anything else.
    """
    person = passwords.Person(name, phone, date_of_birth)
    passwords.check_password(password=password, user=User(username=email, email=email), people=[person])
    details = {
        "password": make_password(password),
        "name": name,
        "phone": phone,
        "date_of_birth": date_of_birth.isoformat() if date_of_birth else None,
    }
    owner = User.objects.find(email)
    code = one_time_codes.new_code(purpose=_REGISTER, address=email, sender=sender, details={} if owner else details)
    if owner is None:
        _mail("register", email, code)
    else:
        _mail("registered", owner.email, code)


def register(*, email: str, otp: str, sender: str) -> User:
    """Make the PATIENT of the request with this code, with a patient record of their own; else WrongCode."""
    row = one_time_codes.find_code(purpose=_REGISTER, address=email, code=otp, sender=sender)
    if not row.details or User.objects.find(email) is not None:
        raise WrongCode
    born = row.details["date_of_birth"]
    try:
        with atomic():
            one_time_codes.spend(row)
            return _make_patient(email, row.details, datetime.date.fromisoformat(born) if born else None)
    except ValidationFailed as error:  # taken in the same moment
        raise WrongCode from error


def ask_for_new_password(*, email: str, sender: str) -> None:
    """Mail a code to the user with this address; do the same work, without the mail, if there is none."""
    user = _active_user(email)
    details = {"user": str(user.pk)} if user else {}
    code = one_time_codes.new_code(purpose=_RESET, address=email, sender=sender, details=details)
    _mail("reset", user.email if user else "", code)


def reset_password(*, email: str, otp: str, new_password: str, sender: str) -> User:
    """Give the user a new password, end every session of theirs, and return them; WrongCode if the code is not good."""
    user = _active_user(email)
    row = one_time_codes.find_code(purpose=_RESET, address=email, code=otp, sender=sender, user=user)
    if user is None or str(user.pk) != row.details.get("user"):
        raise WrongCode
    with atomic():
        one_time_codes.spend(row)
        users.set_password(user_id=user.pk, password=new_password, by=actor_of("user", user.pk))
    note("password_reset", user=user.pk)
    return user


def _make_patient(email: str, details: dict[str, Any], date_of_birth: datetime.date | None) -> User:
    with atomic():
        patient_id = hooks.patient_registrar()(
            name=details["name"], phone=details["phone"], email=email, date_of_birth=date_of_birth
        )
        return users.create_user(
            username=_username_for(email),
            email=email,
            role=Role.PATIENT,
            by="system:registration",
            password_hash=details["password"],
            patient_ids=[patient_id],
        )


def _username_for(email: str) -> str:
    """The address itself, where it may be a user name; else a name that nobody has."""
    try:
        User._meta.get_field("username").run_validators(email)
    except DjangoValidationError:
        return f"patient-{new_id()}"
    return email


def _active_user(email: str) -> User | None:
    user = User.objects.find_by_email(email)
    return user if user is not None and user.is_active else None


def _mail(template: str, on_file: str, code: str | None) -> None:
    """Mail the address on file; only pretend if there is none, and do nothing when no code was made."""
    if code is not None:
        mail.send(template=template, address=on_file, code=code, only_pretend=not on_file)

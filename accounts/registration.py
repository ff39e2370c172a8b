"""How a patient gets an account of their own, and how anybody gets a new password; neither tells who has an account."""

import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError as DjangoValidationError

from accounts import codes, hooks, mail, users
from accounts.attempts import Limit
from accounts.errors import WrongCode
from accounts.models import OneTimeCode, User
from accounts.roles import Role
from accounts.security_log import note
from core.errors import ValidationFailed
from core.ids import new_id
from core.normal_form import identity_key
from core.transactions import atomic

# Beyond it no more mail is sent to an address; the answer stays the same.
_MAILS_PER_ADDRESS = Limit("mails", 10)
_REGISTER, _RESET = OneTimeCode.Purpose.REGISTER, OneTimeCode.Purpose.RESET


def ask_to_register(
    *, email: str, password: str, name: str, phone: str, date_of_birth: datetime.date | None = None
) -> None:
    """Keep who asks and mail them a code; somebody who has an account is told so by mail, and only by mail."""
    details = {
        "password": make_password(password),
        "name": name,
        "phone": phone,
        "date_of_birth": date_of_birth.isoformat() if date_of_birth else None,
    }
    owner = User.objects.find(email)
    if owner is not None:
        make_password(password)  # as much work as for a code
        _mail("registered", email, owner.email)
        return
    code = codes.new_code(purpose=_REGISTER, address=email, details=details)
    _mail("register", email, email, code)


def register(*, email: str, otp: str) -> User:
    """Make the PATIENT whose code this is, with a patient record of their own; WrongCode if it is not."""
    details = codes.use_code(purpose=_REGISTER, address=email, code=otp)
    if User.objects.find(email) is not None:
        raise WrongCode
    born = details["date_of_birth"]
    try:
        return _make_patient(email, details, datetime.date.fromisoformat(born) if born else None)
    except ValidationFailed as error:  # taken in the same moment
        raise WrongCode from error


def ask_for_new_password(*, email: str) -> None:
    """Mail a code to the user with this address; do the same work, without the mail, if there is none."""
    user = _active_user(email)
    code = codes.new_code(purpose=_RESET, address=email, details={"user": str(user.pk)} if user else {})
    _mail("reset", email, user.email if user else "", code)


def reset_password(*, email: str, otp: str, new_password: str) -> User:
    """Give the user a new password, end every session of theirs, and return them; WrongCode if the code is not good."""
    details = codes.use_code(purpose=_RESET, address=email, code=otp)
    user = _active_user(email)
    if user is None or str(user.pk) != details.get("user"):
        raise WrongCode
    users.set_password(user_id=user.pk, password=new_password)
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


def _mail(template: str, email: str, on_file: str, code: str = "") -> None:
    """Mail the address on file, never the one that was typed; only pretend if there is none."""
    if _MAILS_PER_ADDRESS.count(identity_key(email)) <= _MAILS_PER_ADDRESS.tries:
        mail.send(template=template, address=on_file, code=code, only_pretend=not on_file)

"""Making, changing and removing users; a change of what they may do ends all of their sessions."""

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.access.roles import Role
from accounts.audit.security_log import note
from accounts.auth import passwords, sessions
from accounts.auth.passwords import Person
from accounts.errors import EmailTaken, LastAdministrator, UsernameTaken
from accounts.models import User
from core.db.transactions import atomic
from core.errors import NotFound, ValidationFailed
from core.normal_form import LOOK_ALIKE, is_normal

# What must not outlive its change in any session that was opened before.
_ENDS_SESSIONS = ("role", "is_active")


def create_user(
    *,
    username: str,
    email: str,
    role: str,
    by: str,
    password: str | None = None,
    password_hash: str | None = None,
    doctor_id: uuid.UUID | None = None,
    patient_ids: Iterable[uuid.UUID] = (),
    is_active: bool = True,
) -> User:
    """Make a user, with a password or with the hash of one; without either nobody can sign in as them.

    `by` is the actor who does it, for the security log; so it is below.
    """
    patients = list(patient_ids)
    _check_belongings(role=role, doctor_id=doctor_id, patient_ids=patients)
    user = User(username=username.strip(), email=email.strip(), role=role, doctor_id=doctor_id, is_active=is_active)
    if password is not None:
        passwords.check_password(password=password, user=user, people=_people(doctor_id, patients))
    if password_hash is not None:
        user.password = password_hash
    else:
        user.set_password(password)
    with atomic():
        _check_names(user)
        user.save(force_insert=True)
        user.patients.set(patients)
    note("user_made", user=user.pk, role=user.role, by=by)
    return user


def change_user(*, user_id: uuid.UUID, changes: dict[str, Any], by: str, field: str = "password") -> User:
    """Change the given fields of a user; a new password, role or standing ends every session of theirs.

    `field` is what the caller's form calls the new password.
    """
    with atomic():
        admins = _lock_administrators()
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFound
        before = {name: getattr(user, name) for name in _ENDS_SESSIONS}
        for name in ("username", "email", "role", "is_active"):
            if name in changes:
                setattr(user, name, changes[name])
        _take_belongings(user, changes)
        if user.pk in admins and len(admins) == 1 and not user.is_staff:
            raise LastAdministrator
        if changes.get("password") is not None:
            passwords.check_password(password=changes["password"], user=user, people=_people_of(user), field=field)
            user.set_password(changes["password"])
        if "username" in changes or "email" in changes:
            _check_names(user)
        user.save()
        if "password" in changes or any(getattr(user, name) != old for name, old in before.items()):
            sessions.end_all_sessions(user_id=user.pk)
    note("user_changed", user=user.pk, fields=",".join(sorted(changes)), by=by)
    return User.objects.get(pk=user_id)


def remove_user(*, user_id: uuid.UUID, by: str) -> None:
    """Delete a user, but never the last active administrator; patient records and the log stay."""
    with atomic():
        admins = _lock_administrators()
        if user_id in admins and len(admins) == 1:
            raise LastAdministrator
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFound
        user.delete()
    note("user_removed", user=user_id, by=by)


def set_password(*, user_id: uuid.UUID, password: str, by: str) -> None:
    """Give a user a new password and end every session of theirs; a weak one is refused as `new_password`."""
    change_user(user_id=user_id, changes={"password": password}, by=by, field="new_password")


def _people_of(user: User) -> list[Person]:
    """The persons behind a user: the doctor, or the patients."""
    return _people(user.doctor_id, list(user.patients.values_list("pk", flat=True)))


def _people(doctor_id: uuid.UUID | None, patient_ids: list[uuid.UUID]) -> list[Person]:
    found: list[Person] = []
    if doctor_id:
        found += [Person(*row) for row in _rows_of("doctor").filter(pk=doctor_id).values_list("name")]
    if patient_ids:
        patients = _rows_of("patients").filter(pk__in=patient_ids)
        found += [Person(*row) for row in patients.values_list("name", "phone", "date_of_birth")]
    return found


def _rows_of(relation: str) -> Any:
    return User._meta.get_field(relation).related_model._default_manager  # type: ignore[union-attr]


def _lock_administrators() -> list[uuid.UUID]:
    """The active administrators, locked in one order: two of them can't remove each other at the same moment."""
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    return list(admins.values_list("pk", flat=True))


def _take_belongings(user: User, changes: dict[str, Any]) -> None:
    """The doctor and the patients go with the role: a new role leaves the old one's behind."""
    doctor_id = changes.get("doctor_id", user.doctor_id)
    patients = changes.get("patient_ids")
    if "role" in changes:
        if user.role != Role.DOCTOR and "doctor_id" not in changes:
            doctor_id = None
        if user.role != Role.PATIENT and patients is None:
            patients = []
    _check_belongings(role=user.role, doctor_id=doctor_id, patient_ids=patients or [])
    user.doctor_id = doctor_id
    if patients is not None:
        user.patients.set(patients)


def _check_belongings(*, role: str, doctor_id: uuid.UUID | None, patient_ids: list[uuid.UUID]) -> None:
    if doctor_id is not None and role != Role.DOCTOR:
        raise ValidationFailed.of("doctor", "not-a-doctor", "Only a user with the role DOCTOR has a doctor.")
    if patient_ids and role != Role.PATIENT:
        raise ValidationFailed.of("patients", "not-a-patient", "Only a user with the role PATIENT has patients.")


def _check_names(user: User) -> None:
    """Refuse a name or an address that is not normal or is taken; kinder than the constraints alone."""
    for field, text, taken in (("username", user.username, UsernameTaken), ("email", user.email, EmailTaken)):
        if not is_normal(text):
            raise ValidationFailed.of(field, "look-alike", LOOK_ALIKE)
        other = User.objects.find(text)
        if other is not None and other.pk != user.pk:
            raise taken

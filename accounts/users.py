"""Creating, changing and deleting users; a change of role or is_active ends all sessions of the user."""

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.access.roles import Role
from accounts.audit.security_log import log_event
from accounts.auth import passwords, sessions
from accounts.auth.passwords import Person
from accounts.errors import EmailTaken, LastAdministrator, UsernameTaken
from accounts.models import User
from core.db.transactions import atomic
from core.errors import NotFound, ValidationFailed
from core.normal_form import LOOK_ALIKE, is_normal

# A change of these fields ends all sessions of the user.
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
    """Create a user with a password or the hash of one; without either, the user cannot sign in.

    `by`, here and below, is the actor for the security log. Raise ValidationFailed for values that are not allowed.
    """
    patients = list(patient_ids)
    _check_links(role=role, doctor_id=doctor_id, patient_ids=patients)
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
    log_event("user_made", user=user.pk, role=user.role, by=by)
    return user


def change_user(*, user_id: uuid.UUID, changes: dict[str, Any], by: str, field: str = "password") -> User:
    """Change the given fields of a user; a new password, role or is_active ends all sessions of the user.

    `field` is the name of the new password in errors. Raise NotFound, ValidationFailed or LastAdministrator.
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
        _update_links(user, changes)
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
    log_event("user_changed", user=user.pk, fields=",".join(sorted(changes)), by=by)
    return User.objects.get(pk=user_id)


def remove_user(*, user_id: uuid.UUID, by: str) -> None:
    """Delete a user, but not patient records or log entries. Raise NotFound or LastAdministrator."""
    with atomic():
        admins = _lock_administrators()
        if user_id in admins and len(admins) == 1:
            raise LastAdministrator
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFound
        user.delete()
    log_event("user_removed", user=user_id, by=by)


def set_password(*, user_id: uuid.UUID, password: str, by: str) -> None:
    """Set a new password and end all sessions of the user; errors name the field `new_password`."""
    change_user(user_id=user_id, changes={"password": password}, by=by, field="new_password")


def _people_of(user: User) -> list[Person]:
    """Return the persons of a user: the doctor, or the patients."""
    return _people(user.doctor_id, list(user.patients.values_list("pk", flat=True)))


def _people(doctor_id: uuid.UUID | None, patient_ids: list[uuid.UUID]) -> list[Person]:
    found: list[Person] = []
    if doctor_id:
        found += [Person(*row) for row in _related_rows("doctor").filter(pk=doctor_id).values_list("name")]
    if patient_ids:
        patients = _related_rows("patients").filter(pk__in=patient_ids)
        found += [Person(*row) for row in patients.values_list("name", "phone", "date_of_birth")]
    return found


def _related_rows(relation: str) -> Any:
    return User._meta.get_field(relation).related_model._default_manager  # type: ignore[union-attr]


def _lock_administrators() -> list[uuid.UUID]:
    """Lock the active administrators in order and return their ids, so that no two can delete each other."""
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    return list(admins.values_list("pk", flat=True))


def _update_links(user: User, changes: dict[str, Any]) -> None:
    """Set the doctor and the patients of the user; a new role removes those of the old role."""
    doctor_id = changes.get("doctor_id", user.doctor_id)
    patients = changes.get("patient_ids")
    if "role" in changes:
        if user.role != Role.DOCTOR and "doctor_id" not in changes:
            doctor_id = None
        if user.role != Role.PATIENT and patients is None:
            patients = []
    _check_links(role=user.role, doctor_id=doctor_id, patient_ids=patients or [])
    user.doctor_id = doctor_id
    if patients is not None:
        user.patients.set(patients)


def _check_links(*, role: str, doctor_id: uuid.UUID | None, patient_ids: list[uuid.UUID]) -> None:
    if doctor_id is not None and role != Role.DOCTOR:
        raise ValidationFailed.of("doctor", "not-a-doctor", "Only a user with the role DOCTOR has a doctor.")
    if patient_ids and role != Role.PATIENT:
        raise ValidationFailed.of("patients", "not-a-patient", "Only a user with the role PATIENT has patients.")


def _check_names(user: User) -> None:
    """Refuse a name or an address that is not in normal form or is taken, with an error that names the field."""
    for field, text, taken in (("username", user.username, UsernameTaken), ("email", user.email, EmailTaken)):
        if not is_normal(text):
            raise ValidationFailed.of(field, "look-alike", LOOK_ALIKE)
        other = User.objects.find(text)
        if other is not None and other.pk != user.pk:
            raise taken

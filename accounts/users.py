"""Creating, changing and deleting users; a change of role or is_active ends all sessions of the user."""

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.access.roles import Role
from accounts.audit.security_log import log_event
from accounts.auth import passwords, sessions
from accounts.auth.passwords import Person
from accounts.errors import EmailTaken, LastAdministrator, UsernameTaken
from accounts.models import User, first_facility_id
from core.db.transactions import atomic
from core.errors import NotFound, PermissionDenied, ValidationFailed
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
    facility_id: uuid.UUID | None = None,
    doctor_id: uuid.UUID | None = None,
    patient_ids: Iterable[uuid.UUID] = (),
    is_active: bool = True,
) -> User:
    """Create a user with a password or the hash of one; without either, the user cannot sign in.

    Staff belong to the first facility by default, patients to none. `by`, here and below, is the actor for the security
    log. Raise ValidationFailed for values that are not allowed.
    """
    patients = list(patient_ids)
    facility_id = None if role == Role.PATIENT else facility_id or first_facility_id()
    _check_links(role=role, facility_id=facility_id, doctor_id=doctor_id, patient_ids=patients)
    user = User(
        username=username.strip(),
        email=email.strip(),
        role=role,
        facility_id=facility_id,
        doctor_id=doctor_id,
        is_active=is_active,
    )
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


def change_user(
    *,
    user_id: uuid.UUID,
    changes: dict[str, Any],
    by: str,
    field: str = "password",
    within: uuid.UUID | None = None,
) -> User:
    """Change the given fields of a user; a new password, role or is_active ends all sessions of the user.

    `field` is the name of the new password in errors. `within`, here and below, is the only facility in which the
    caller manages users; None stands for all. Raise NotFound, ValidationFailed, PermissionDenied or LastAdministrator.
    """
    with atomic():
        admins = _lock_administrators()
        user = _locked_user(user_id)
        if any(changes[name] != getattr(user, name, None) for name in changes.keys() - {"patient_ids"}):
            refuse_unmanaged(user, within=within)
        before = {name: getattr(user, name) for name in _ENDS_SESSIONS}
        for name in ("username", "email", "role", "is_active"):
            if name in changes:
                setattr(user, name, changes[name])
        user.is_superuser = user.is_superuser and user.role == Role.ADMIN
        _update_links(user, changes, within=within)
        if not user.is_staff:
            _refuse_last(user_id, admins)
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


def remove_user(*, user_id: uuid.UUID, by: str, within: uuid.UUID | None = None) -> None:
    """Delete a user, but not patient records or log entries. Raise NotFound, PermissionDenied or LastAdministrator."""
    with atomic():
        admins = _lock_administrators()
        user = _locked_user(user_id)
        refuse_unmanaged(user, within=within)
        _refuse_last(user_id, admins)
        user.delete()
    log_event("user_removed", user=user_id, by=by)


def refuse_unmanaged(user: User, *, within: uuid.UUID | None) -> None:
    """Raise PermissionDenied if an ADMIN of one facility may not change this user, who acts in other facilities too.

    That is a superuser, or a patient with a record elsewhere: with their password the ADMIN could act there.
    """
    if within is None:
        return
    if user.is_superuser:
        raise PermissionDenied("Only a superuser changes a superuser.")
    if user.patients.exclude(facility_id=within).exists():
        raise PermissionDenied("This patient has records in other facilities: only a superuser changes the account.")


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


def _locked_user(user_id: uuid.UUID) -> User:
    user = User.objects.select_for_update(of=("self",)).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user


def _lock_administrators() -> dict[uuid.UUID, bool]:
    """Lock the active administrators in order, so that no two can delete each other.

    Return their ids, and for each whether it is a superuser.
    """
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    return dict(admins.values_list("pk", "is_superuser"))


def _refuse_last(user_id: uuid.UUID, admins: dict[uuid.UUID, bool]) -> None:
    """Raise LastAdministrator if this is the last active administrator or the last superuser of the installation."""
    if user_id in admins and (len(admins) == 1 or (admins[user_id] and sum(admins.values()) == 1)):
        raise LastAdministrator


def _update_links(user: User, changes: dict[str, Any], *, within: uuid.UUID | None) -> None:
    """Set the facility, the doctor and the patients of the user; a new role removes those of the old role.

    Records outside the facility `within` stay as they are.
    """
    doctor_id = changes.get("doctor_id", user.doctor_id)
    patients = changes.get("patient_ids")
    if "role" in changes:
        if user.role != Role.DOCTOR and "doctor_id" not in changes:
            doctor_id = None
        if user.role != Role.PATIENT and patients is None:
            patients = []
    if user.role == Role.PATIENT:
        user.facility_id = None
    elif user.facility_id is None and not user.is_superuser:
        user.facility_id = changes.get("facility_id") or within or first_facility_id()
    _check_links(role=user.role, facility_id=user.facility_id, doctor_id=doctor_id, patient_ids=patients or [])
    user.doctor_id = doctor_id
    if patients is not None:
        elsewhere = user.patients.exclude(facility_id=within).values_list("pk", flat=True) if within else ()
        user.patients.set({*patients, *elsewhere})


def _check_links(
    *, role: str, facility_id: uuid.UUID | None, doctor_id: uuid.UUID | None, patient_ids: list[uuid.UUID]
) -> None:
    if doctor_id is not None and role != Role.DOCTOR:
        raise ValidationFailed.of("doctor", "not-a-doctor", "Only a user with the role DOCTOR has a doctor.")
    if doctor_id is not None and not _related_rows("doctor").filter(pk=doctor_id, facility_id=facility_id).exists():
        raise ValidationFailed.of("doctor", "other-facility", "The doctor belongs to another facility than the user.")
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

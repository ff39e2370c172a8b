"""The tables of users, sessions, API keys, one-time codes, counts of attempts, and the read trail."""

from collections.abc import Sequence
from typing import Any

import pghistory
import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac

from accounts.access.roles import STAFF, Role
from core import clock
from core.ids import new_id
from core.normal_form import identity_key, normal_form, validate_normal


def first_facility_id() -> Any:
    """Return the id of the oldest facility, which is the only one of a single hospital; None before it exists."""
    facilities: Any = User._meta.get_field("facility").related_model
    return facilities.objects.order_by("id").values_list("pk", flat=True).first()


class UserManager(BaseUserManager["User"]):
    """Creates users; `createsuperuser` creates an ADMIN of all facilities."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """Create a user, by default a PATIENT; without a password, the user cannot sign in.

        Staff belong to the first facility unless `fields` name another.
        """
        if fields.get("role", Role.PATIENT) in STAFF and not {"facility", "facility_id"} & fields.keys():
            fields["facility_id"] = first_facility_id()
        user = self.model(username=username.strip(), email=(email or "").strip(), **fields)
        validate_normal(user.username)
        validate_normal(user.email)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """Create an ADMIN of the first facility who is a superuser.

        Raise Django's ValidationError for a taken name or address or a weak password.
        """
        if self.find(username) or self.find(email or ""):
            raise ValidationError("The user name or the e-mail address is taken.")
        if password is not None:
            validate_password(password, self.model(username=username, email=email or ""))
        fields.pop("is_staff", None)
        return self.create_user(username, email, password, **{**fields, "role": Role.ADMIN, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this name, ignoring case; raise DoesNotExist without one."""
        return self.get(username_key=identity_key(username or ""))

    def find(self, identifier: str) -> "User | None":
        """Return the user with this user name or e-mail address, which is unique across both columns, or None."""
        key = identity_key(identifier.strip())
        return self.filter(models.Q(username_key=key) | models.Q(email_key=key)).first() if key else None

    def find_by_email(self, address: str) -> "User | None":
        """Return the user with this e-mail address, or None."""
        key = identity_key(address.strip())
        return self.filter(email_key=key).first() if key else None


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    exclude=["password", "last_login", "username_key", "email_key"],
)
class User(AbstractBaseUser):
    """A user. The role decides on permissions: there are no groups.

    Staff belong to one facility and act only there. A superuser is an ADMIN who acts in all facilities. Patients belong
    to no facility; their records do.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=150, validators=[UnicodeUsernameValidator(), validate_normal])
    email = models.EmailField(max_length=254, blank=True, default="", validators=[validate_normal])
    # The normal forms of both, used for comparisons; save() keeps them up to date.
    username_key = models.TextField(editable=False, default="")
    email_key = models.TextField(editable=False, default="")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.PATIENT)
    facility = models.ForeignKey(
        "clinics.Facility", null=True, blank=True, on_delete=models.PROTECT, related_name="users"
    )
    is_superuser = models.BooleanField(default=False, editable=False)
    doctor = models.ForeignKey(
        "clinics.Doctor",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="users",
    )
    patients: "models.ManyToManyField[Any, Any]" = models.ManyToManyField(
        "patients.Patient",
        blank=True,
        related_name="users",
    )
    session_version = models.PositiveIntegerField(default=1, help_text="Counted up to end every session of this user.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    # Facts about the person, for the password validators; set by accounts.auth.passwords.
    person_names = ""
    people: Sequence[Any] = ()

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        ordering = ["username"]
        constraints = [
            # A user name is unique.
            models.UniqueConstraint(fields=["username_key"], name="user_username_once"),
            # An e-mail address is unique; several users may have none.
            models.UniqueConstraint(fields=["email_key"], name="user_email_once", condition=~models.Q(email_key="")),
            # Every role is a column of the permission table.
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
            # Staff belong to a facility and patients to none; a superuser may belong to none.
            models.CheckConstraint(
                condition=models.Q(role=Role.PATIENT, facility__isnull=True)
                | (~models.Q(role=Role.PATIENT) & (models.Q(facility__isnull=False) | models.Q(is_superuser=True))),
                name="user_facility_by_role",
            ),
            # A superuser is an ADMIN.
            models.CheckConstraint(
                condition=models.Q(is_superuser=False) | models.Q(role=Role.ADMIN), name="user_superuser_is_admin"
            ),
        ]
        triggers = [
            # No user name is the e-mail address of another user. The locks make two concurrent transactions with
            # the same text run one after the other.
            pgtrigger.Trigger(
                name="names_and_addresses",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("username_key", "email_key"),
                func="""
                    PERFORM pg_advisory_xact_lock(hashtextextended(texts.text, 0)) FROM (
                        SELECT DISTINCT text FROM unnest(ARRAY[NEW.username_key, NEW.email_key]) AS text
                        WHERE text <> '' ORDER BY text
                    ) AS texts;
                    IF EXISTS (SELECT FROM accounts_user
                               WHERE email_key = NEW.username_key AND email_key <> '' AND id <> NEW.id) THEN
                        RAISE unique_violation USING MESSAGE = 'The user name is the address of another user.',
                            CONSTRAINT = 'user_name_is_no_address';
                    END IF;
                    IF EXISTS (SELECT FROM accounts_user
                               WHERE username_key = NEW.email_key AND NEW.email_key <> '' AND id <> NEW.id) THEN
                        RAISE unique_violation USING MESSAGE = 'The address is the name of another user.',
                            CONSTRAINT = 'user_address_is_no_name';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the user with the normal forms of name and address."""
        self.username_key, self.email_key = normal_form(self.username), normal_form(self.email)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "username_key", "email_key"}
        super().save(*args, **kwargs)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Include the session version in the hash, so that end_all_sessions also ends sessions of the admin site."""
        value = f"{self.password}:{self.session_version}"
        return salted_hmac("accounts.session", value, secret=secret, algorithm="sha256").hexdigest()

    @property
    def is_staff(self) -> bool:
        """Return whether the user may use the admin site: an active ADMIN."""
        return self.is_active and self.role == Role.ADMIN

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return whether the user is an active ADMIN, who has every permission on the admin site."""
        return self.is_staff

    def has_perms(self, perm_list: Any, obj: object = None) -> bool:
        """Return the same as has_perm."""
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """Return the same as has_perm."""
        return self.is_staff


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None)
class UserPatient(User.patients.through):  # type: ignore[name-defined,misc]  # created by Django
    """The patient records of a user; a proxy, so that the history tables record its changes."""

    class Meta:
        proxy = True


class Session(models.Model):
    """A session: one sign-in and its chain of refresh tokens, of which only the newest is valid."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    current = models.UUIDField(help_text="The id of the one refresh token that is still good.")
    # For repeated refreshes: the last exchanged token, when and by which client (a keyed hash) it was exchanged.
    previous = models.UUIDField(null=True)
    rotated_at = models.DateTimeField(null=True)
    rotated_by = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    second_factor = models.BooleanField(default=False, help_text="Whether it was opened with a second factor.")

    def __str__(self) -> str:
        return str(self.id)


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=["secret_sha256", "last_used_at"]
)
class ApiKey(models.Model):
    """The API key of a hospital system, for one facility: only the prefix and a hash of the secret are stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey("clinics.Facility", on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_sha256 = models.BinaryField(max_length=32, editable=False)
    scopes = models.JSONField(default=list)
    allowed_networks = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class AttemptCount(models.Model):
    """The number of recent attempts under one key (see attempts.py), a keyed hash."""

    key = models.CharField(primary_key=True, max_length=32, db_column="door")
    count = models.PositiveIntegerField()
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class KnownAddress(models.Model):
    """An address at which a user has signed in (see lockout.py); `key` is a keyed hash of both."""

    key = models.CharField(primary_key=True, max_length=32, db_column="door")
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class OneTimeCode(models.Model):
    """A 6-digit code sent to an e-mail address, with its purpose; an address may have several."""

    class Purpose(models.TextChoices):
        REGISTER = "REGISTER"
        RESET = "RESET"

    purpose = models.CharField(max_length=8, choices=Purpose)
    address = models.CharField(max_length=254, help_text="The e-mail address in normal form.")
    code_hash = models.CharField(max_length=32)
    expires_at = models.DateTimeField(db_index=True)
    # The data of the registration; the password is stored as a hash.
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["purpose", "address"], name="one_time_code_address")]

    def __str__(self) -> str:
        return str(self.pk)


class RecoveryCode(models.Model):
    """A recovery code that replaces a lost second factor once: 80 random bits, stored as a hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_sha256 = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_sha256"], name="recovery_code_once")]

    def __str__(self) -> str:
        return str(self.pk)


class ReadSeal(models.Model):
    """A sealed batch of the read trail, with a hash that also covers the previous seal."""

    number = models.PositiveIntegerField(primary_key=True)
    rows = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.number)


class ReadTrailEnd(models.Model):
    """A second copy of the last seal of the read trail, which reveals that seals were removed from the end."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)

    class Meta:
        # The table has at most one row.
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="read_trail_ends_once")]

    def __str__(self) -> str:
        return str(self.number)


class ReadList(models.Model):
    """The patients in a list that several callers read: stored once, with a digest of them as the id; never changed."""

    id = models.UUIDField(primary_key=True, editable=False)
    patient_ids = ArrayField(models.UUIDField())

    class Meta:
        indexes = [GinIndex(fields=["patient_ids"], name="read_list_patient")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ReadTrail(models.Model):
    """A read of patients' records: actor, records, time and request. A row changes only once, when it is sealed.

    The records are those of `patient_ids` and of `read_list`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.CharField(max_length=60)
    patient_ids = ArrayField(models.UUIDField())
    read_list = models.ForeignKey(ReadList, null=True, on_delete=models.PROTECT, related_name="reads")
    what = models.CharField(max_length=60)
    request_id = models.CharField(max_length=128)
    at = models.DateTimeField()
    seal = models.ForeignKey(ReadSeal, null=True, on_delete=models.PROTECT, related_name="reads")
    # The hash of this row and of the previous hash, and so of all rows before it.
    hash = models.BinaryField(null=True, max_length=32)

    class Meta:
        ordering = ["id"]
        indexes = [
            GinIndex(fields=["patient_ids"], name="read_trail_patient"),
            models.Index(fields=["id"], condition=models.Q(seal=None), name="read_trail_unsealed"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            # The only allowed change: an unsealed row gets its seal and hash.
            pgtrigger.Protect(
                name="only_sealing", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=["seal", "hash"])
            ),
            pgtrigger.Protect(
                name="sealed_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__seal__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

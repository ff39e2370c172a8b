"""Boards, kiosks and tracking links: screens and patients who call the API without a user account.

Every credential is stored as a hash only.
"""

import secrets

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinics.models import Facility
from core.ids import new_id


def new_presence_secret() -> bytes:
    """Return the secret of a new kiosk, from which its presence codes are computed."""
    return secrets.token_bytes(32)


class Audio(models.TextChoices):
    ON = "on"
    OFF = "off"
    FAILED = "failed"


class Device(models.Model):
    """A board or a kiosk of a facility, and the hashes of its key and of the cookie of the paired browser."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    languages = models.JSONField(default=list)
    key_sha256 = models.BinaryField(max_length=32, null=True, unique=True)
    cookie_sha256 = models.BinaryField(max_length=32, null=True, unique=True)
    last_seen = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    exclude=["key_sha256", "cookie_sha256", "last_seen", "audio", "visible", "shown_seq"],
)
class Board(Device):
    """A board in a waiting room: shows the calls of its rooms, or of all rooms if it lists none.

    `audio`, `visible` and `shown_seq` are what the screen reported last.
    """

    rooms = ArrayField(models.UUIDField(), default=list)
    announce = models.BooleanField(default=True)
    show_doctor_name = models.BooleanField(default=False)
    audio = models.CharField(max_length=8, choices=Audio, null=True)
    visible = models.BooleanField(null=True)
    shown_seq = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["name", "id"]


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    exclude=["key_sha256", "cookie_sha256", "last_seen", "presence_secret", "failures", "locked_until"],
)
class Kiosk(Device):
    """A kiosk at which patients check in.

    `failures` are the times of the failed attempts since the last lock, `locked_until` is the end of the last lock.
    """

    presence_secret = models.BinaryField(max_length=32, default=new_presence_secret)
    failures = ArrayField(models.DateTimeField(), default=list)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "id"]


class Pairing(models.Model):
    """A screen that waits to be paired: a keyed hash of the code that it shows, and the hash of its cookie."""

    class Kind(models.TextChoices):
        BOARD = "board"
        KIOSK = "kiosk"

    kind = models.CharField(max_length=8, choices=Kind)
    code_hash = models.CharField(max_length=32)
    cookie_sha256 = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            # A code pairs one screen.
            models.UniqueConstraint(fields=["kind", "code_hash"], name="pairing_code_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Link(models.Model):
    """A tracking link: whoever has its code follows one token without signing in.

    The ids are not foreign keys, so that the tables of tokens can be partitioned.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility_id = models.UUIDField()
    token_id = models.UUIDField()
    code_sha256 = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # A token has one link that is not revoked.
            models.UniqueConstraint(
                fields=["facility_id", "token_id"], condition=Q(revoked_at=None), name="link_one_per_token"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

"""The table of patients, and the stamp of their names."""

import pghistory
import pgtrigger
from django.db import models

from clinics.models import Facility
from core.ids import new_id


class Sex(models.TextChoices):
    FEMALE = "F"
    MALE = "M"
    OTHER = "O"


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Patient(models.Model):
    """A patient registered in one facility; `phone` is null for a patient who has none.

    A person registered in two facilities is two patients.

    `name_key` and `phone_key` are the normalized name and phone (see `patients.identity`). `namesake` numbers patients
    who share both and were registered with `allow_duplicate`; the database refuses any other second registration.
    `version` counts the changes of the record and is its ETag.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="patients", db_index=False)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=32, null=True, blank=True)
    email = models.EmailField(null=True, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    # The date was computed from an age in years.
    birth_date_is_approximate = models.BooleanField(default=False, db_default=False, editable=False)
    sex = models.CharField(max_length=1, choices=Sex, null=True, blank=True)
    needs_assistance = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    name_key = models.CharField(max_length=400, editable=False)
    phone_key = models.CharField(max_length=32, editable=False)
    namesake = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # The record of the same person that this one was merged into; it has the tokens, entries and users.
    merged_into = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    erased_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            # One registration per name and phone in a facility, unless it is made with `allow_duplicate`.
            models.UniqueConstraint(
                fields=["facility", "name_key", "phone_key", "namesake"], name="patient_registered_once"
            ),
        ]
        indexes = [models.Index(fields=["phone_key"], name="patient_phone")]
        triggers = [
            # Cached lists of tokens show names. Every change of a name, from any source, changes the stamp in the same
            # transaction, so that a list with an old name is not served.
            pgtrigger.Trigger(
                name="names_stamped",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("name"),
                func="""
                    INSERT INTO patients_namestamp (id, stamp) VALUES (1, gen_random_uuid())
                    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class NameStamp(models.Model):
    """A single row, which the database gives a new stamp after every change of a patient's name.

    There is no row until the first change. The stamp is random and not a counter, so that a database restored from a
    backup never reuses a stamp that stood for other names.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    stamp = models.UUIDField(editable=False)

    class Meta:
        # The table has at most one row.
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="name_stamp_is_one")]

    def __str__(self) -> str:
        return str(self.stamp)

"""The patients' rows."""

import pghistory
from django.db import models

from core.ids import new_id


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Patient(models.Model):
    """A person who is, was or will be seen.

    `name_key` and `phone_key` are the name and phone as compared (see `patients.identity`); `namesake` numbers the
    people who share both and were registered knowingly, so that an accidental second registration is refused by the
    database.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=32)
    email = models.EmailField(null=True, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    needs_assistance = models.BooleanField(default=False)
    name_key = models.CharField(max_length=400, editable=False)
    phone_key = models.CharField(max_length=32, editable=False)
    namesake = models.PositiveIntegerField(default=0, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            # One registration per name and phone, unless the desk says that it is another person.
            models.UniqueConstraint(fields=["name_key", "phone_key", "namesake"], name="patient_registered_once"),
        ]
        indexes = [models.Index(fields=["phone_key"], name="patient_phone")]

    def __str__(self) -> str:
        return str(self.id)

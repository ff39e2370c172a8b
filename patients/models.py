"""The patients' rows."""

import pghistory
import pgtrigger
from django.db import models

from core.ids import new_id


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Patient(models.Model):
    """A person who is, was or will be seen.

    `name_key` and `phone_key` are the name and phone as compared (see `patients.identity`); `namesake` numbers the
    people who share both and were registered knowingly, so that an accidental second registration is refused by the
    database. `version` counts the changes of what is known of the person; it is the ETag.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=32)
    email = models.EmailField(null=True, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    needs_assistance = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    name_key = models.CharField(max_length=400, editable=False)
    phone_key = models.CharField(max_length=32, editable=False)
    namesake = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            # One registration per name and phone, unless the desk says that it is another person.
            models.UniqueConstraint(fields=["name_key", "phone_key", "namesake"], name="patient_registered_once"),
        ]
        indexes = [models.Index(fields=["phone_key"], name="patient_phone")]
        triggers = [
            # Names are shown where tokens are listed, and those lists are kept: whoever changes a name, by whatever
            # way, changes the stamp in the same transaction.
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
    """One row, written by the database: its stamp is a new one after every change of any patient's name.

    No row: no name was ever changed. It is random and not counted, so that a database put back from a backup never
    comes by a stamp that stood for other names.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    stamp = models.UUIDField(editable=False)

    class Meta:
        # There is one.
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="name_stamp_is_one")]

    def __str__(self) -> str:
        return str(self.stamp)

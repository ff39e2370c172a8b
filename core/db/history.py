"""The base of all history tables."""

from django.db import models
from pghistory import models as pghistory


class Event(pghistory.Event):
    """A recorded change; its id has 64 bits and does not run out.

    pghistory names the history of a model after it and this class, such as PatientEvent.
    """

    pgh_id = models.BigAutoField(primary_key=True)

    class Meta:
        abstract = True

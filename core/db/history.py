"""The base class of all history tables."""

from django.db import models
from pghistory import models as pghistory


class Event(pghistory.Event):
    """A recorded change, with a 64-bit id that does not run out.

    pghistory names the history model of a model after that model and this class, for example PatientEvent.
    """

    pgh_id = models.BigAutoField(primary_key=True)

    class Meta:
        abstract = True

"""The reports' rows: what is over is kept as it was."""

import pgtrigger
from django.db import models

from clinics.models import Facility


class DailyReport(models.Model):
    """The report of a local day that is over; written once, so that yesterday's report never changes."""

    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    data = models.JSONField()
    stored_at = models.DateTimeField()

    class Meta:
        ordering = ["-date", "facility"]
        constraints = [
            # A day of a facility is stored once, however many schedulers run.
            models.UniqueConstraint(fields=["facility", "date"], name="daily_report_stored_once"),
        ]
        triggers = [
            # What was reported stays as it was reported.
            pgtrigger.Protect(name="daily_report_never_changes", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.date}"

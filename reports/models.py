"""The reports' rows: one for each closed day."""

import pgtrigger
from django.db import models

from clinics.models import Facility


class DailyReport(models.Model):
    """The report of a local day that is over. It changes only when the slots of its day do.

    `basis` stands for the slots that it was made from, see `reports.basis`: while it is the same, so is the report.
    """

    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    data = models.JSONField()
    basis = models.CharField(max_length=32, default="", blank=True)
    stored_at = models.DateTimeField()

    class Meta:
        ordering = ["-date", "facility"]
        constraints = [
            # A day of a facility is stored once, however many schedulers run.
            models.UniqueConstraint(fields=["facility", "date"], name="daily_report_stored_once"),
        ]
        triggers = [
            # Of the same slots there is one report, which stays as it was reported.
            pgtrigger.Protect(
                name="daily_report_follows_its_slots",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__basis=pgtrigger.F("new__basis")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date}"

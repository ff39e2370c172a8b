"""The table of daily reports: one for each closed day of a facility."""

import pgtrigger
from django.db import models

from clinics.models import Facility


class DailyReport(models.Model):
    """The report of a local day that is over. It changes only when the slots of the day change.

    `basis` identifies the slots that the report was computed from (see `reports.basis`): while the basis stays the
    same, so does the report.
    """

    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    data = models.JSONField()
    basis = models.CharField(max_length=32, default="", blank=True)
    stored_at = models.DateTimeField()

    class Meta:
        ordering = ["-date", "facility"]
        constraints = [
            # A day of a facility is stored once, even if several schedulers run.
            models.UniqueConstraint(fields=["facility", "date"], name="daily_report_stored_once"),
        ]
        triggers = [
            # A report can change only together with its basis.
            pgtrigger.Protect(
                name="daily_report_follows_its_slots",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__basis=pgtrigger.F("new__basis")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date}"

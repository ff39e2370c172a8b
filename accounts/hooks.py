"""What this app needs from apps above it, which it may not import: they put their functions here when they start."""

import datetime
import uuid
from typing import Protocol


class PatientRegistrar(Protocol):
    """Makes the patient record of somebody who registered themselves; runs inside the caller's transaction.

    It always makes a new record, also when name and phone are those of somebody on file: whoever types another person's
    name and phone must not get at their record, nor learn that there is one. It does not link the record to the user.
    """

    def __call__(self, *, name: str, phone: str, email: str, date_of_birth: datetime.date | None) -> uuid.UUID:
        """The id of the new patient record."""
        ...


_patient_registrar: PatientRegistrar | None = None


def set_patient_registrar(function: PatientRegistrar) -> None:
    """Called by `patients` when it is ready."""
    global _patient_registrar
    _patient_registrar = function


def patient_registrar() -> PatientRegistrar:
    """The function that `patients` put here."""
    if _patient_registrar is None:
        raise RuntimeError("The patients app has not told how a patient is registered (accounts.hooks).")
    return _patient_registrar

"""Functions of higher-level apps, which this app may not import: they register them here at start-up."""

import datetime
import uuid
from typing import Protocol


class PatientRegistrar(Protocol):
    """Creates the patient record of a patient who registers; runs inside the caller's transaction.

    It always creates a new record, even if a record has the same name and phone number: typing another person's name
    and number must neither give access to their record nor disclose it. It does not link the record to the user.
    """

    def __call__(
        self, *, facility_id: uuid.UUID, name: str, phone: str, email: str, date_of_birth: datetime.date | None
    ) -> uuid.UUID:
        """Return the id of the new patient record."""
        ...


_patient_registrar: PatientRegistrar | None = None


def set_patient_registrar(function: PatientRegistrar) -> None:
    """Register the function; `patients` calls this when it is ready."""
    global _patient_registrar
    _patient_registrar = function


def patient_registrar() -> PatientRegistrar:
    """Return the registered function; raise RuntimeError if there is none."""
    if _patient_registrar is None:
        raise RuntimeError("The patients app has not registered a PatientRegistrar (accounts.hooks).")
    return _patient_registrar

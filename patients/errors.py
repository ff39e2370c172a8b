"""The errors of patients."""

from core.errors import EngineError, InUse


class DuplicatePatient(EngineError):
    """This patient may already be registered"""

    code = "duplicate-patient"
    template = "A patient of this name and phone is registered. Send allow_duplicate if it is another person."


class PatientInactive(EngineError):
    """The patient is not active"""

    code = "patient-inactive"
    template = "This patient's record is not active and takes no new bookings. Set is_active to true first."


class PatientInUse(InUse):
    """The hospital's records refer to this patient"""

    template = "Tokens or waiting-list entries refer to this patient."

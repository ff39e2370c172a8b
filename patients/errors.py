"""What can go wrong with patients."""

from core.errors import EngineError, InUse


class DuplicatePatient(EngineError):
    """This person seems to be registered already"""

    code = "duplicate-patient"
    template = "A patient of this name and phone is registered. If it is another person, send allow_duplicate."


class PatientInactive(EngineError):
    """The patient is not active"""

    code = "patient-inactive"
    template = "This patient's record is not active: nothing new can be booked. Set is_active to true first."


class PatientInUse(InUse):
    """The hospital's records refer to this patient"""

    template = "Tokens or waiting lists refer to this patient."

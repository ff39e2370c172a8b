from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the function with which accounts registers a patient, and the error of the unique constraint."""
        from accounts.hooks import set_patient_registrar
        from core.api.problem_details import register_constraint
        from patients.errors import DuplicatePatient
        from patients.services import register_own

        set_patient_registrar(register_own)
        register_constraint("patient_registered_once", DuplicatePatient)

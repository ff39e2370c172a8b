from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register how the facility of an id in a path is found."""
        from core.api.scoped_ids import register_id
        from tokens.engine.locate import facility_of_slot, facility_of_token, place_of_entry

        register_id("slot_id", facility_of_slot)
        register_id("token_id", facility_of_token)
        register_id("entry_id", lambda entry_id: place_of_entry(entry_id).facility_id)

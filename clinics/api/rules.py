"""The serializer of a facility's rules, made from `clinics.rules`."""

from typing import Any

from drf_spectacular.drainage import set_override
from rest_framework import serializers

from clinics.rules import RULES, Rule, RuleError
from core.api.serializers import StrictSerializer


class RuleField(serializers.Field[Any, Any, Any, Any]):
    """The value of one rule; null in a change takes the facility's own value back."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(required=False, allow_null=True)
        self.rule = rule
        set_override(self, "field", {**rule.schema, "nullable": True})

    def __deepcopy__(self, memo: dict[int, Any]) -> "RuleField":
        return RuleField(self.rule)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return self.rule.check(data)
        except RuleError as error:
            raise serializers.ValidationError(error.detail, code=error.code) from error

    def to_representation(self, value: Any) -> Any:
        return value


class RulesSerializer(StrictSerializer):
    """The rules in which a facility differs from the server's defaults. A rule that is not named has its default."""

    class Meta:
        example = {"no_show_grace_minutes": 20, "quiet_hours": ["20:00", "08:00"]}

    def get_fields(self) -> dict[str, Any]:
        """Return a field for each rule."""
        return {name: RuleField(rule) for name, rule in RULES.items()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return dict(instance)

"""Each rule of a facility exists everywhere: in the table, in the settings and in the rules in force."""

from dataclasses import fields

import pytest
from django.conf import settings

from clinics.rules import RULES, merged, setting_of
from tokens.rules import Rules, in_force


def test_every_rule_has_a_setting_and_an_attribute() -> None:
    assert [field.name for field in fields(Rules)] == list(RULES)
    assert [name for name in RULES if not hasattr(settings, setting_of(name))] == []


@pytest.mark.parametrize("name", list(RULES))
def test_the_default_fulfils_the_rule(name: str) -> None:
    rule = RULES[name]
    default = rule.default
    assert rule.check(default) == (list(default) if isinstance(default, tuple) else default)


def test_none_takes_an_override_back() -> None:
    assert merged({"a": 1, "b": 2}, {"b": None, "c": 3, "d": None}) == {"a": 1, "c": 3}


def test_an_override_wins_over_the_setting() -> None:
    assert in_force({"skip_places": 7}).skip_places == 7
    assert in_force({}).skip_places == settings.OPD_SKIP_PLACES

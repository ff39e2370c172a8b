"""docs/concurrency.md lists every database constraint and the error that a violation returns."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import CheckConstraint, UniqueConstraint

from tokens.errors import ERROR_OF_CONSTRAINT

PAGE = Path(__file__).parents[2] / "docs" / "concurrency.md"
ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| [^|]+ \| *(?:`([a-z-]+)`)? *\|$", re.M)


def _told() -> dict[str, str]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {name: code for names, code in rows for name in re.findall(r"\w+", names)}


def test_the_table_lists_the_error_of_each_constraint() -> None:
    told = {name: code for name, code in _told().items() if code}
    assert told == {name: error.code for name, error in ERROR_OF_CONSTRAINT.items()}


@pytest.mark.parametrize("model", ["clinics.Slot", "tokens.Token", "waitlist.WaitlistEntry", "events.Event"])
def test_every_constraint_is_documented(model: str) -> None:
    guards = {
        c.name for c in apps.get_model(model)._meta.constraints if isinstance(c, UniqueConstraint | CheckConstraint)
    }
    assert guards - _told().keys() == set()

"""The rules of CONTRIBUTING.md that can be checked in source text; ruff and import-linter check the others."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
APPS = (
    "accounts",
    "clinics",
    "config",
    "core",
    "devserver",
    "events",
    "live",
    "ops",
    "patients",
    "reports",
    "tokens",
    "waitlist",
)
MAX_LINES = 400


def _code(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((TOP / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def _lines_with(pattern: str, files: list[Path]) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(TOP)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


def test_no_file_is_longer_than_one_reads_in_a_sitting() -> None:
    files = [TOP / "demo.py", TOP / "manage.py", *_code(*APPS, "bench", "demonstration", "docs", "tests")]
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES] == []


def test_nothing_is_left_for_later() -> None:
    assert _lines_with(r"\b(TODO|FIXME|XXX)\b", _code(*APPS, "demonstration")) == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    others = [path for path in _code("tests") if path != Path(__file__)]
    assert _lines_with(r"mark\.(skip|skipif|xfail)|pytest\.(skip|xfail)\(|unittest\.mock|MagicMock", others) == []


def test_a_status_is_written_by_the_mover_alone() -> None:
    mover_of_entries = TOP / "waitlist" / "moves.py"
    others = [path for path in _code("tokens", "waitlist", "clinics", "reports", "live") if path != mover_of_entries]
    assert _lines_with(r"^\s*[\w.]+\.status = ", others) == []


@pytest.mark.parametrize(
    ("law", "looks_like"),
    [
        (test_nothing_is_left_for_later, "x = 1  # TODO: later"),
        (test_no_test_is_skipped_or_expected_to_fail, "@pytest.mark.skip"),
        (test_a_status_is_written_by_the_mover_alone, '    token.status = "CALLED"'),
    ],
)
def test_canary_a_breach_is_seen(
    law: Callable[[], None], looks_like: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (*APPS, "demonstration", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "breach.py").write_text(looks_like + "\n")
    monkeypatch.setitem(globals(), "TOP", tmp_path)
    with pytest.raises(AssertionError):
        law()

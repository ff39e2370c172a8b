"""The format of log lines from any logger."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from core.observability import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Capture the root logger at level INFO with the engine's formatter."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.json_formatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    structlog.contextvars.bind_contextvars(request_id="desk-3.2026_03")
    yield stream
    structlog.contextvars.clear_contextvars()
    root.setLevel(level)
    root.removeHandler(handler)


def only_line(written: io.StringIO) -> dict[str, Any]:
    [line] = written.getvalue().splitlines()
    made: dict[str, Any] = json.loads(line)
    return made


def test_a_line_of_ours(written: io.StringIO) -> None:
    logs.info("request", status=201, route="api/v1/tokens/ 100 %s")
    line = only_line(written)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "status": 201,
        "route": "api/v1/tokens/ 100 %s",
        "request_id": "desk-3.2026_03",
        "level": "info",
        "logger": "opd",
    }


def test_an_internal_error_logs_its_class_and_place_but_not_its_message(written: io.StringIO) -> None:
    try:
        raise ValueError("Asha")
    except ValueError as error:
        logs.failure("unhandled", error)
    line = only_line(written)
    assert (line["error"], line["level"]) == ("ValueError", "error")
    assert "test_logs.py" in line["frames"][0]
    assert "Asha" not in written.getvalue()


def test_a_line_of_somebody_else(written: io.StringIO) -> None:
    try:
        raise ValueError("Asha")
    except ValueError:
        logging.getLogger("somebody.else").warning("told %s", 1, exc_info=True)
    line = only_line(written)
    assert (line["event"], line["logger"], line["level"]) == ("told 1", "somebody.else", "warning")
    assert (line["request_id"], line["error"]) == ("desk-3.2026_03", "ValueError")
    assert "Asha" not in written.getvalue()


def test_structlog_loggers_log_no_message_either(written: io.StringIO) -> None:
    structlog.get_logger("newcomer").error("unhandled", exc_info=ValueError("Asha"))
    assert only_line(written)["error"] == "ValueError"
    assert "Asha" not in written.getvalue()


def test_each_of_our_loggers_has_its_name(written: io.StringIO) -> None:
    structlog.get_logger("accounts.security").info("signed_in", user="7")
    line = only_line(written)
    assert (line["logger"], line["event"], line["user"]) == ("accounts.security", "signed_in", "7")


def test_what_cannot_be_written_is_named_by_its_kind(written: io.StringIO) -> None:
    logs.warning("strange", thing=object())
    assert only_line(written)["thing"] == "<object>"


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    logging.getLogger().setLevel(logging.WARNING)
    logs.info("request")
    assert written.getvalue() == ""

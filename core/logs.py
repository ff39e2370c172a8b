"""JSON lines with a request id; never a renderer that prints local variables, never a patient's data."""

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

_ours: set[str] = set()
"""The loggers whose lines are JSON before they come to a handler."""

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _frames(error: BaseException) -> list[str]:
    """Where it happened, without the message: a database's message may quote a patient's row."""
    return [f"{each.filename}:{each.lineno} {each.name}" for each in traceback.extract_tb(error.__traceback__)[-15:]]


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if isinstance(info, tuple) and info[1] is not None:
        info = info[1]
    if isinstance(info, BaseException):
        event["error"] = type(info).__name__
        event["frames"] = _frames(info)
    return event


def _named(value: Any) -> str:
    return f"<{type(value).__name__}>"  # never its contents: they may be a patient's


def _line(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=_named, option=orjson.OPT_NON_STR_KEYS).decode()


_as_line = structlog.processors.JSONRenderer(serializer=_line)


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Lines of our own loggers stay as they are; this is for everybody else's."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if record.name in _ours else super().format(record)


def json_formatter() -> logging.Formatter:
    """The formatter of every handler: one line of JSON for a record, whoever wrote it."""
    return _Lines(
        foreign_pre_chain=[*_shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_secrets, _as_line],
    )


def logger(name: str) -> Any:
    """A logger of structlog: what is written to it is made a line at once, in the one place for all handlers."""
    _ours.add(name)
    return structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, *_shared, _as_line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    ).bind()


_log = logger("opd")


def failure(event: str, error: BaseException, **facts: Any) -> None:
    """Record an error of ours: its class and where it came from."""
    _log.error(event, error=type(error).__name__, frames=_frames(error), **facts)


def info(event: str, **facts: Any) -> None:
    """Record something worth knowing."""
    _log.info(event, **facts)


def warning(event: str, **facts: Any) -> None:
    """Record something that somebody should look at."""
    _log.warning(event, **facts)

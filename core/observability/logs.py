"""Log JSON lines with a request id, without local variables and without patients' data."""

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _frames(error: BaseException) -> list[str]:
    """Return the last 15 frames of the traceback, without the message: a database message may quote a patient's row."""
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
    return f"<{type(value).__name__}>"  # never the contents: they may be a patient's data


def _line(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=_named, option=orjson.OPT_NON_STR_KEYS).decode()


_as_json = structlog.processors.JSONRenderer(serializer=_line)


def _as_line(logger: Any, name: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (_as_json(logger, name, event),), {"extra": {"is_line": True}}


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Passes records of this module through, which are JSON lines already, and formats those of other loggers."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if getattr(record, "is_line", False) else super().format(record)


def json_formatter() -> logging.Formatter:
    """Return the formatter of every handler: one line of JSON for each record, from any logger."""
    return _Lines(
        foreign_pre_chain=[*_shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_secrets, _as_json],
    )


structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_shared, _without_secrets, _as_line],
    logger_factory=logging.getLogger,
    wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    cache_logger_on_first_use=True,
)
_log = structlog.get_logger("opd").bind()


def failure(event: str, error: BaseException, **facts: Any) -> None:
    """Log an error: its class and the frames where it occurred."""
    _log.error(event, error=type(error).__name__, frames=_frames(error), **facts)


def info(event: str, **facts: Any) -> None:
    """Log an event at level INFO."""
    _log.info(event, **facts)


def warning(event: str, **facts: Any) -> None:
    """Log an event that an operator should look at."""
    _log.warning(event, **facts)

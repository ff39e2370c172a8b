"""JSON lines with a request id; never a renderer that prints local variables, never a patient's data."""

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

_log = structlog.stdlib.get_logger("opd")

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

structlog.configure(
    processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


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


def json_formatter() -> logging.Formatter:
    """The formatter of every handler: one line of JSON for a record, whoever wrote it."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_secrets,
            structlog.processors.JSONRenderer(serializer=_line),
        ],
    )


def failure(event: str, error: BaseException, **facts: Any) -> None:
    """Record an error of ours: its class and where it came from."""
    _log.error(event, error=type(error).__name__, frames=_frames(error), **facts)


def info(event: str, **facts: Any) -> None:
    """Record something worth knowing."""
    _log.info(event, **facts)


def warning(event: str, **facts: Any) -> None:
    """Record something that somebody should look at."""
    _log.warning(event, **facts)

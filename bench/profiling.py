"""Profiles a request: calls the WSGI application in this process, without sockets, under cProfile."""

import cProfile
import io
import logging
import os
import pstats
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.wsgi import get_wsgi_application


def environ_of(request: bytes) -> dict[str, Any]:
    """Return the WSGI environment that granian creates for this request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def play(application: Any, requests: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Call the application once for each request; yield the status and body of each response."""
    for request in requests:
        statuses: list[str] = []
        answer = application(environ_of(request), lambda status, headers, kept=statuses: kept.append(status))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        yield int(statuses[0][:3]), body


def profile(*, requests: Sequence[bytes], lines: int = 45) -> str:
    """Return a report: the time of a request without the profiler, then the functions by cumulative and own time."""
    application = get_wsgi_application()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(open(os.devnull, "w"))  # noqa: SIM115
    half = len(requests) // 2
    list(play(application, requests[:20]))
    began, used = time.perf_counter(), time.process_time()
    statuses = [status for status, _ in play(application, requests[20:half])]
    count = len(statuses)
    wall, cpu = (time.perf_counter() - began) / count * 1000, (time.process_time() - used) / count * 1000
    profiler = cProfile.Profile(time.thread_time)  # CPU time, which does not depend on the load of the machine
    profiler.enable()
    list(play(application, requests[half:]))
    profiler.disable()
    out = io.StringIO()
    stats = pstats.Stats(profiler, stream=out)
    out.write(f"{count} requests, {wall:.2f} ms each, {cpu:.2f} ms of CPU; statuses {sorted(set(statuses))}\n")
    stats.strip_dirs().sort_stats("cumulative").print_stats(lines)
    stats.sort_stats("tottime").print_stats(lines)
    return out.getvalue()

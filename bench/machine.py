"""A description of the machine and the software, without host names or paths."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from bench.servers import Stage

PACKAGES = ("Django", "djangorestframework", "psycopg", "redis", "granian", "celery")


def describe(stage: Stage, *, workers: int, threads: int) -> dict[str, str]:
    """Return the hardware, the software and the load on which the figures were measured."""
    with stage.connect() as connection:
        server = connection.execute("SHOW server_version").fetchone()
        durable = connection.execute(
            "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings"
            " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
        ).fetchone()
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores (servers and clients share them)",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "PostgreSQL": f"{server[0]} ({durable[0]})" if server and durable else "",
        "web server": f"granian, {workers} workers of {threads} threads each",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

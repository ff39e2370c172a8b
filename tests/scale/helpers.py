"""Clients and concurrent bookings for a system of several processes."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import psycopg

from accounts.auth.hashers import Argon2Hasher
from accounts.models import User
from bench.chaos.nemesis import Break
from bench.chaos.system import System, Web
from tests.support.api import Answer, Api, over_network
from tests.support.eventually import eventually
from tests.support.hospital import PASSWORD, Hospital

Json = dict[str, Any]
ONE_PROCESS = {"OPD_WEB_WORKERS": "1", "OPD_WEB_THREADS": "32"}
"""Where it is threads that matter: each process takes a second or two to start."""
COUNT = re.compile(r"^(opd_\w+)(?:\{(.*)\})? ([\d.e+]+)$", re.MULTILINE)
ADMIN = "scale"


def hospital_of(system: System, web: Web | None = None) -> Hospital:
    """Return a Hospital whose clients use this server."""
    system.inside(_make_admin)
    return Hospital(wire_to(web or system.web), ADMIN, PASSWORD)


def _make_admin() -> None:
    if not User.objects.filter(username=ADMIN).exists():
        # Hashed as the servers do it: the tests themselves use a cheaper hash.
        hashed = Argon2Hasher().encode(PASSWORD, "salt-of-the-tests")
        admin = User.objects.create_superuser(ADMIN, f"{ADMIN}@example.org")
        User.objects.filter(pk=admin.pk).update(password=hashed)


def wire_to(web: Web) -> Any:
    """Return a transport to this server."""
    host, port = web.address
    return over_network(f"http://{host}:{port}")


def at(web: Web, api: Api) -> Api:
    """Return the same client for another server."""
    return Api(wire_to(web), api.authorization, api.renew)


def counted(web: Web, name: str, *labels: str) -> float:
    """Return the sum of a counter in this server's /metrics over all samples with these labels (`how="held"`)."""
    host, port = web.address
    text = httpx.get(f"http://{host}:{port}/metrics", timeout=10).raise_for_status().text
    return sum(
        float(number)
        for found, having, number in COUNT.findall(text)
        if found == name and set(labels) <= set(having.split(","))
    )


def crowd(hospital: Hospital, webs: Sequence[Web], *, slot: Json, size: int) -> list[Answer]:
    """Request seats for this many patients at once, alternating between the servers; return the responses."""
    patients = [hospital.patient() for _ in range(size)]
    desks = [at(webs[number % len(webs)], hospital.desk) for number in range(size)]
    start = Barrier(size)

    def ask(number: int) -> Answer:
        start.wait(timeout=20)
        return hospital.ask(slot, patients[number], by=desks[number], join_waiting_list=False)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(ask, range(size)))


def booked(number: int) -> Break:
    """Run the load until this many tokens are booked; assert that no client failed."""

    def play(system: System, seconds: float) -> None:
        with system.connect() as link:
            link.prepare_threshold = None  # statements with names are looked for in the server's log
            before = _tokens(link)
            eventually(lambda: _tokens(link) >= before + number, 60)

    return play


def _tokens(link: psycopg.Connection[Any]) -> int:
    row = link.execute("SELECT count(*) FROM tokens_token").fetchone()
    return int(row[0]) if row else 0


def seats_sold(answers: Sequence[Answer]) -> int:
    """Return the number of seats booked; assert that every other response is slot-full."""
    for answer in answers:
        if answer.status != 201:
            answer.expect(409, "slot-full")
    return sum(answer.status == 201 for answer in answers)

"""On SIGTERM the server completes and answers every accepted request, then exits."""

import threading
import time
from typing import Any

import psycopg

from bench.chaos.clients import Asker, Op
from bench.chaos.stage import make_authorization, make_stage
from bench.chaos.system import running_system

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def value(link: psycopg.Connection[Any], statement: str) -> Any:
    row = link.execute(statement).fetchone()
    return row[0] if row else None


def test_accepted_requests_are_answered_before_the_server_exits() -> None:
    with running_system(celery=False) as system:
        stage, authorization = make_stage(system, slots=4, patients=8), make_authorization(system)
        ops = [
            Op("book", "POST", "tokens/", {"slot_id": slot, "patient_id": patient, "category": "WALKIN"}, "", stage)
            for slot, patient in zip(stage.slots * 2, stage.patients, strict=True)
        ]
        askers = [
            threading.Thread(target=Asker(lambda: system.address, authorization).ask, args=(op,), daemon=True)
            for op in ops
        ]
        assert system.web.process
        with system.connect() as watching, psycopg.connect(system.postgres.url) as holding:
            holding.execute("SELECT 1 FROM clinics_slot FOR UPDATE")
            for asker in askers:
                asker.start()
            deadline = time.monotonic() + 20
            while value(watching, WAITING) < 1:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            time.sleep(0.5)  # the others are accepted and wait behind the first request of their slot
            system.web.process.terminate()
            time.sleep(0.7)
            holding.rollback()
        for asker in askers:
            asker.join(30)
        system.web.process.wait(30)
        assert [(op.status, op.lost) for op in ops] == [(201, 0)] * 8
        with system.connect() as link:
            assert value(link, "SELECT count(*) FROM tokens_token") == 8

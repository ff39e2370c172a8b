"""A system that follows the log while everything breaks: it has to be told every event, once, in order of its slot."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg

from bench.chaos.clients import Asker, Op
from bench.chaos.stage import Stage


class Follower(threading.Thread):
    """Polls events/?after= until it is told to stop."""

    def __init__(self, asker: Asker, stage: Stage, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._asker, self._stage, self._stop_asked = asker, stage, stop
        self.told: list[tuple[str, str]] = []

    def run(self) -> None:
        while not self._stop_asked.wait(0.25):
            self.poll()

    def poll(self) -> int:
        """Ask for what came after the last event; how many were told."""
        after = f"&after={self.told[-1][0]}" if self.told else ""
        op = Op("follow", "GET", f"events/?page_size=200{after}", None, "", self._stage)
        if not self._asker.ask(op) or op.status != 200:
            return 0
        self.told += [(event["id"], event["slot"]) for event in op.answer["results"]]
        return len(op.answer["results"])

    def catch_up(self, connect: Callable[[], psycopg.Connection[Any]]) -> list[str]:
        """Read to the end of the log; what is wrong with what was told."""
        written: dict[str, list[str]] = defaultdict(list)
        with connect() as link:
            for event, slot in link.execute(WRITTEN):
                written[slot].append(event)
        deadline = time.monotonic() + 15
        while len(self.told) < sum(map(len, written.values())) and time.monotonic() < deadline:
            if not self.poll():
                time.sleep(0.05)
        told: dict[str, list[str]] = defaultdict(list)
        for event, slot in self.told:
            told[slot].append(event)
        return [
            f"a follower of the log was told {len(told[slot])} events of slot {slot}, not its {len(events)} in order"
            for slot, events in written.items()
            if told[slot][: len(events)] != events or len(set(told[slot])) != len(told[slot])
        ]


WRITTEN = "SELECT id::text, slot_id::text FROM events_event ORDER BY slot_id, number"

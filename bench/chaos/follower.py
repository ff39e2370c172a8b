"""A consumer of the log during the faults: it must get every event once, in the order of its slot."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg

from bench.chaos.clients import Asker, Op
from bench.chaos.stage import Stage


class Follower(threading.Thread):
    """Polls events/?after= until it is stopped."""

    def __init__(self, asker: Asker, stage: Stage, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._asker, self._stage, self._stop_asked = asker, stage, stop
        self.received: list[tuple[str, str]] = []

    def run(self) -> None:
        while not self._stop_asked.wait(0.25):
            self.poll()

    def poll(self) -> int:
        """Request the events after the last one; return how many came."""
        after = f"&after={self.received[-1][0]}" if self.received else ""
        op = Op("follow", "GET", f"events/?page_size=200{after}", None, "", self._stage)
        if not self._asker.ask(op) or op.status != 200:
            return 0
        self.received += [(event["id"], event["slot"]) for event in op.answer["results"]]
        return len(op.answer["results"])

    def catch_up(self, connect: Callable[[], psycopg.Connection[Any]]) -> list[str]:
        """Read to the end of the log; return a line for each slot whose events did not come once and in order."""
        written: dict[str, list[str]] = defaultdict(list)
        with connect() as link:
            for event, slot in link.execute(WRITTEN):
                written[slot].append(event)
        deadline = time.monotonic() + 15
        while len(self.received) < sum(map(len, written.values())) and time.monotonic() < deadline:
            if not self.poll():
                time.sleep(0.05)
        received: dict[str, list[str]] = defaultdict(list)
        for event, slot in self.received:
            received[slot].append(event)
        return [
            f"slot {slot}: the follower got {len(received[slot])} events, not the {len(events)} of the log in order"
            for slot, events in written.items()
            if received[slot][: len(events)] != events or len(set(received[slot])) != len(received[slot])
        ]


WRITTEN = "SELECT id::text, slot_id::text FROM events_event ORDER BY slot_id, number"

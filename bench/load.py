"""The load generator: many clients in one small process, on raw sockets, with requests that are built in advance.

It runs in its own process (`python -m bench.load`), which reads a pickled Job and writes a pickled Outcome, and imports
only the standard library. A client sends its next request when the last one has been answered.
"""

import contextlib
import pickle
import resource
import select
import socket
import subprocess
import sys
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field

from bench.http_messages import Partial, status_and_length

SAMPLES = 5


@dataclass
class Job:
    """The requests to send: the clients take them from the list in turn until the list or the time ends.

    The clients give up if there is no response at all for `timeout` seconds.
    """

    host: str
    port: int
    requests: list[bytes]
    clients: int
    seconds: float | None = None
    repeat: bool = False
    timeout: float = 60.0


@dataclass
class Outcome:
    """The results; `latencies` has the seconds of every response, in the order of the responses."""

    latencies: array = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    sent: int = 0
    lost: int = 0
    body_bytes: int = 0
    samples: dict[int, list[bytes]] = field(default_factory=dict)


class Client:
    """A keep-alive connection."""

    __slots__ = ("began", "partial", "sock")

    def __init__(self, job: Job) -> None:
        self.sock = socket.create_connection((job.host, job.port), timeout=job.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.partial: Partial | None = None
        self.began = 0.0


def play(job: Job) -> Outcome:
    """Run the job in this process."""
    outcome = Outcome()
    if job.repeat:
        job.requests *= -(-job.clients // len(job.requests))
    clients = [Client(job) for _ in range(min(job.clients, len(job.requests)))]
    poll = select.epoll()
    by_handle = {client.sock.fileno(): client for client in clients}
    for handle in by_handle:
        poll.register(handle, select.EPOLLIN)
    used_before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        _converse(job, by_handle, poll, outcome)
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        outcome.cpu_seconds = used.ru_utime + used.ru_stime - used_before.ru_utime - used_before.ru_stime
        poll.close()
        for client in clients:
            client.sock.close()
    return outcome


def _converse(job: Job, by_handle: dict[int, Client], poll: select.epoll, outcome: Outcome) -> None:
    now = time.perf_counter
    requests, following, last = job.requests, 0, len(job.requests)
    latencies, statuses = outcome.latencies, outcome.statuses
    began = ended = now()
    deadline = began + job.seconds if job.seconds is not None else float("inf")
    for client in by_handle.values():
        client.began = now()
        client.sock.send(requests[following])
        following += 1
    waiting = len(by_handle)
    while waiting:
        ready = poll.poll(1.0)
        if not ready and now() > ended + job.timeout:
            break
        for handle, _ in ready:
            client = by_handle[handle]
            try:
                data = client.sock.recv(262_144)
            except OSError:
                data = b""
            if not data:
                outcome.lost += 1
                waiting -= 1
                poll.unregister(handle)
                continue
            if client.partial is not None:
                data = client.partial.add(data)
                if not data:
                    continue
            status, start, length = status_and_length(data)
            if status == 0 or len(data) < start + length:
                client.partial = Partial(data, needed=start + length if status else 0)
                continue
            client.partial = None
            ended = now()
            latencies.append(ended - client.began)
            statuses[status] += 1
            outcome.body_bytes += length
            kept = outcome.samples.get(status)
            if kept is None:
                outcome.samples[status] = [data[start : start + length]]
            elif len(kept) < SAMPLES:
                kept.append(data[start : start + length])
            if following == last and job.repeat:
                following = 0
            if following < last and ended < deadline:
                client.began = now()
                request = requests[following]
                if client.sock.send(request) != len(request):
                    raise OSError("a request is larger than the socket's buffer")
                following += 1
            else:
                waiting -= 1
                poll.unregister(handle)
    outcome.seconds = ended - began
    outcome.lost += waiting
    outcome.sent = len(latencies) + outcome.lost


def run(job: Job) -> Outcome:
    """Run the job in a new process."""
    command = [sys.executable, "-m", "bench.load"]
    done = subprocess.run(command, input=pickle.dumps(job), stdout=subprocess.PIPE, check=True)
    return pickle.loads(done.stdout)


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    from bench import load  # so that the pickled classes are those of the module, not of __main__

    job = pickle.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(load.play(job)))


if __name__ == "__main__":
    main()

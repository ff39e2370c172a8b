"""Counters for operators. Labels are names of ours (routes, states), never an id or anything a client sent."""

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import Collector

# Figures of the whole installation, read from the database at each request of /metrics; apps add theirs in ready().
measured_when_asked: list[Collector] = []

requests = Counter("opd_http_requests_total", "Requests answered", ["method", "route", "status"])
latency = Histogram(
    "opd_http_request_seconds",
    "Time to answer",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
gate_passages = Counter("opd_gate_passages_total", "Passages through the Redis gate", ["how"])
gate_failures = Counter("opd_gate_failures_total", "Calls to Redis that failed", ["step"])
gate_waits = Histogram(
    "opd_gate_wait_seconds", "Wait at the Redis gate", buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10)
)
gate_open = Gauge("opd_gate_circuit_open", "1 while Redis is left alone", multiprocess_mode="livemax")
cached_bodies = Counter("opd_cached_bodies_total", "Lists answered from the process's cache, or made anew", ["how"])
replica_reads = Counter(
    "opd_replica_reads_total", "Reports and lists that may come from the replica: replica, or why not", ["how"]
)
replica_left_alone = Gauge("opd_replica_circuit_open", "1 while the replica is left alone", multiprocess_mode="livemax")
retries = Counter(
    "opd_write_retries_total", "Operations tried again after a passing failure of the database", ["reason"]
)
replays = Counter("opd_idempotent_replays_total", "Answers given again for a repeated Idempotency-Key")

"""Prometheus metrics. Label values are names from the code (routes, states), never ids or input of a client."""

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
lock_attempts = Counter("opd_gate_passages_total", "Attempts to take the Redis lock, by result", ["how"])
lock_failures = Counter("opd_gate_failures_total", "Calls to Redis that failed", ["step"])
lock_waits = Histogram(
    "opd_gate_wait_seconds", "Wait for the Redis lock", buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10)
)
redis_circuit_open = Gauge(
    "opd_gate_circuit_open", "1 while the circuit breaker blocks calls to Redis", multiprocess_mode="livemax"
)
cached_bodies = Counter("opd_cached_bodies_total", "Lists read from the process's cache, or built", ["how"])
replica_reads = Counter(
    "opd_replica_reads_total", "Reads that may use the replica: from the replica, or why not", ["how"]
)
replica_left_alone = Gauge(
    "opd_replica_circuit_open", "1 while the circuit breaker blocks the replica", multiprocess_mode="livemax"
)
retries = Counter(
    "opd_write_retries_total", "Operations repeated after a transient failure of the database", ["reason"]
)
replays = Counter("opd_idempotent_replays_total", "Stored answers returned for a repeated Idempotency-Key")

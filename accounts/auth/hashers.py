"""The password hasher, with limits on its memory and concurrency."""

import ctypes
import os
import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Limits the hashes computed at the same time: more of them would not be faster and could exhaust the memory.
_running_hashes = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))

M_MMAP_THRESHOLD, MEBIBYTE = -3, 2**20


def _return_freed_memory() -> None:
    """Configure glibc to return the 19 MiB of a hash to the system immediately.

    By default it keeps them in the arena of each thread that computed a hash: about 300 MiB for 16 threads.
    """
    if os.name == "posix" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, MEBIBYTE)


_return_freed_memory()


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane.

    Django's defaults use 100 MiB and 8 lanes: a few dozen concurrent sign-ins would exhaust the machine's memory.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash of a password."""
        with _running_hashes:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches the hash."""
        with _running_hashes:
            return super().verify(password, encoded)

"""How passwords and one-time codes are hashed."""

import ctypes
import os
import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# A crowd that signs in at once waits its turn: more at once are no faster, and the memory has an end.
_turns = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))

M_MMAP_THRESHOLD, MEBIBYTE = -3, 2**20


def _give_large_memory_back() -> None:
    """Let glibc return the 19 MiB of a hash to the system at once.

    Left alone, it keeps them in the arena of each thread in which somebody signed in: 16 threads, 300 MiB.
    """
    if os.name == "posix" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, MEBIBYTE)


_give_large_memory_back()


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with the parameters that OWASP's Password Storage Cheat Sheet gives for it: 19 MiB, 2 passes, 1 lane.

    Django's defaults take 100 MiB and 8 lanes: a few dozen sign-ins at once would drain the machine.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """The hash of a password."""
        with _turns:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether this is the password that was hashed."""
        with _turns:
            return super().verify(password, encoded)

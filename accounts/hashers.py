"""How passwords and one-time codes are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with the parameters that OWASP's Password Storage Cheat Sheet gives for it: 19 MiB, 2 passes, 1 lane.

    Django's defaults take 100 MiB and 8 lanes: a few dozen sign-ins at once would drain the machine.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

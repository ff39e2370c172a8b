"""The secrets of links and devices, which are shown once and stored as hashes.

A secret is computed from a random seed of 192 bits and the server's SECRET_KEY. The answer that is stored for an
Idempotency-Key contains the seed instead of the secret: a repeated request gets the same secret, and a copy of the
database contains none.
"""

import base64
import hashlib
import hmac
import secrets

from django.conf import settings

_BYTES = 24
LENGTH = 32
"""The characters of a secret."""


def new_seed() -> str:
    """Return 192 random bits, in hexadecimal digits."""
    return secrets.token_hex(_BYTES)


def secret_of(seed: str) -> str:
    """Return the secret of this seed: 192 bits in 32 characters that a URL may contain."""
    mac = hmac.new(settings.SECRET_KEY.encode(), b"live:secret:" + seed.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()[:_BYTES]).decode()


def hash_of(secret: str) -> bytes:
    """Return the hash under which a secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()

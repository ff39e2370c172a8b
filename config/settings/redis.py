"""Redis: courtesy. Everything that uses it must go on without it."""

from typing import Any

from config.settings.env import env

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
REDIS_CONNECT_SECONDS = 0.25
REDIS_SOCKET_SECONDS = 0.5

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "opd",
        "OPTIONS": {
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": REDIS_CONNECT_SECONDS,
            "SOCKET_TIMEOUT": REDIS_SOCKET_SECONDS,
        },
    },
}

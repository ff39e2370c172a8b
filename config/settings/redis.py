"""Redis. It is optional at run time: everything that uses it must work without it."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings.env import env
from core.redis.url import watched

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
REDIS_CONNECT_SECONDS = 0.25
REDIS_SOCKET_SECONDS = 0.5

try:
    REDIS_WATCHED = watched(REDIS_URL)
except ValueError as _error:
    raise ImproperlyConfigured(f"REDIS_URL: {_error}") from None

_options: dict[str, Any] = {
    "IGNORE_EXCEPTIONS": True,
    "SOCKET_CONNECT_TIMEOUT": REDIS_CONNECT_SECONDS,
    "SOCKET_TIMEOUT": REDIS_SOCKET_SECONDS,
    "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
}
if REDIS_WATCHED:
    # Not django-redis's SentinelClient, which reads from replicas: reads must see the latest write.
    _options |= {
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
        "SENTINELS": REDIS_WATCHED.sentinels,
        "SENTINEL_KWARGS": {
            "password": REDIS_WATCHED.sentinel_password,
            "socket_connect_timeout": REDIS_CONNECT_SECONDS,
            "socket_timeout": REDIS_SOCKET_SECONDS,
            "retry": Retry(NoBackoff(), 0),
        },
        "USERNAME": REDIS_WATCHED.username,
        "PASSWORD": REDIS_WATCHED.password,
    }

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_WATCHED.cache_url if REDIS_WATCHED else REDIS_URL,
        "KEY_PREFIX": "opd",
        "OPTIONS": _options,
    },
}

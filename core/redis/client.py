"""The one way to a Redis client: its patience is short, and what failed is not tried again.

The defaults of the library are wrong here: with a dead Redis its retries cost seconds for each call. Behind sentinels
every new connection asks them where the primary is, so a fail-over is over for us as soon as it is for them.
"""

from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from core.redis.url import watched


def connect(url: str, **more: Any) -> redis.Redis:
    """A client of the Redis at this address; nothing is sent before its first command."""
    patience: dict[str, Any] = {
        "socket_connect_timeout": settings.REDIS_CONNECT_SECONDS,
        "socket_timeout": settings.REDIS_SOCKET_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    primary = watched(url)
    if primary is None:
        return redis.Redis.from_url(url, **patience, **more)
    sentinels = Sentinel(primary.sentinels, sentinel_kwargs={**patience, "password": primary.sentinel_password})  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        primary.name,
        db=primary.number,
        username=primary.username,
        password=primary.password,
        **patience,
        **more,
    )
    return client

"""Redis clients with short time-outs and without retries.

The library's defaults do not fit: when Redis is down, its retries cost seconds for each call. With sentinels, every new
connection asks them for the current primary, so the engine follows a fail-over as soon as the sentinels have made it.
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
    """Return a client of the Redis at this URL; it connects with its first command."""
    options: dict[str, Any] = {
        "socket_connect_timeout": settings.REDIS_CONNECT_SECONDS,
        "socket_timeout": settings.REDIS_SOCKET_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    primary = watched(url)
    if primary is None:
        return redis.Redis.from_url(url, **options, **more)
    sentinels = Sentinel(primary.sentinels, sentinel_kwargs={**options, "password": primary.sentinel_password})  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        primary.name,
        db=primary.number,
        username=primary.username,
        password=primary.password,
        **options,
        **more,
    )
    return client

"""Parse REDIS_URL: the address of one server, or of sentinels that name the current primary."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

SCHEME = "sentinel"
SENTINEL_PORT = 26379
FORM = "sentinel://:password@host:26379,host:26379/name/0"

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Watched:
    """A primary called `name` that sentinels watch; `login` is for the data servers, not for the sentinels."""

    sentinels: tuple[Place, ...]
    name: str
    number: int
    username: str | None
    password: str | None
    sentinel_password: str | None
    login: str

    @property
    def broker_url(self) -> str:
        """The URL for Celery, which gets the primary's name in a separate setting."""
        return ";".join(f"{SCHEME}://{self.login}{_host_port(place)}/{self.number}" for place in self.sentinels)

    @property
    def cache_url(self) -> str:
        """The URL for django-redis, which gets the sentinels in a separate setting."""
        return f"redis://{self.name}/{self.number}"


def watched(url: str) -> Watched | None:
    """Parse a `sentinel://` URL; return None for the URL of a single server, raise ValueError for an invalid one."""
    scheme, _, rest = url.partition("://")
    if scheme != SCHEME:
        return None
    address, _, path = rest.partition("/")
    login, at, places = address.rpartition("@")
    username, _, password = login.partition(":")
    parts = urlsplit(f"/{path}")  # the path only: not every Python version accepts several hosts
    name, _, number = parts.path.strip("/").partition("/")
    try:
        sentinels = tuple(_place(place) for place in places.split(","))
        if not name:
            raise ValueError
        return Watched(
            sentinels=sentinels,
            name=name,
            number=int(number or 0),
            username=unquote(username) or None,
            password=unquote(password) or None,
            sentinel_password=parse_qs(parts.query).get("sentinel_password", [None])[0],
            login=login + at,
        )
    except ValueError:
        raise ValueError(f"A Redis address with sentinels has the form {FORM}") from None


def _place(text: str) -> Place:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or SENTINEL_PORT


def _host_port(place: Place) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""Where Redis is, out of one address: a server, or wherever its sentinels say that the primary is now."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

SCHEME = "sentinel"
SENTINEL_PORT = 26379
FORM = "sentinel://:password@host:26379,host:26379/name/0"

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Watched:
    """A primary called `name` that sentinels watch; the login is that of the data servers."""

    sentinels: tuple[Place, ...]
    name: str
    number: int
    username: str | None
    password: str | None
    sentinel_password: str | None
    login: str

    @property
    def broker_url(self) -> str:
        """The same in the words of Celery, which is told the name beside it."""
        return ";".join(f"{SCHEME}://{self.login}{_told(place)}/{self.number}" for place in self.sentinels)

    @property
    def cache_url(self) -> str:
        """The same in the words of django-redis, which is told the sentinels beside it."""
        return f"redis://{self.name}/{self.number}"


def watched(url: str) -> Watched | None:
    """What `sentinel://...` names; None for the address of a single server, ValueError for one that names nothing."""
    scheme, _, rest = url.partition("://")
    if scheme != SCHEME:
        return None
    address, _, path = rest.partition("/")
    login, at, places = address.rpartition("@")
    username, _, password = login.partition(":")
    parts = urlsplit(f"/{path}")  # of one path; several hosts are no address that urlsplit takes everywhere
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
        raise ValueError(f"The address of Redis by its sentinels has the form {FORM}") from None


def _place(text: str) -> Place:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or SENTINEL_PORT


def _told(place: Place) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

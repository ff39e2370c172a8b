"""Limits on failed sign-ins, counted in the database by the name that was typed, never by the account behind it.

Three limits close a door for a quarter of an hour: for one name at one address, for one name at all addresses, and for
one address. Whether the name is somebody's makes no difference, nor do two names of one account share a count, so the
limits tell nobody who has an account. The last two do not stop a user at an address where they signed in within 90
days: a stranger slows guessing down elsewhere, and locks nobody out where they work. An IPv6 address is counted as its
/64 network. docs/sign-in-limits.md has the table. Only failures are counted, so a good sign-in costs reads and one note
of the address.
"""

from dataclasses import dataclass
from datetime import timedelta

from accounts.audit.security_log import digest, note
from accounts.limits.attempts import Limit
from accounts.models import KnownAddress, User
from core import clock
from core.api.client_address import network_of
from core.normal_form import identity_key

_PAIR = Limit("sign-in", 5)
_IDENTIFIER = Limit("sign-in-name", 30)
_ADDRESS = Limit("sign-in-address", 300)  # a whole hospital may stand behind one address
KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Door:
    """One name at one address; `own` is the door of a signed-in user who types their own password again."""

    who: str
    address: str
    own: bool = False

    @classmethod
    def of(cls, *, user: User | None = None, identifier: str = "", address: str) -> "Door":
        """The door of the name that was typed or, where a user is given, of that signed-in user."""
        if user is not None:
            return cls(who=f"USER {user.pk}", address=address, own=True)  # capitals: no normal form is like it
        return cls(who=identity_key(identifier.strip()), address=address)

    @property
    def network(self) -> str:
        """What the address is counted as."""
        return network_of(self.address)

    def seconds_locked(self) -> int:
        """For how long a password is refused here, right or wrong; 0 when the door is open."""
        here = _PAIR.seconds_closed(self.who, self.network)
        if self.own:
            return here
        return max(here, _IDENTIFIER.seconds_closed(self.who), _ADDRESS.seconds_closed(self.network))

    def is_open_to(self, user: User | None) -> bool:
        """Whether only the limits on strangers close this door, and the user has signed in at the address before."""
        return not _PAIR.seconds_closed(self.who, self.network) and is_known(user=user, address=self.address)

    def record_failure(self) -> None:
        """Count one failure; the one that reaches a limit closes the door for a quarter of an hour from now."""
        if not self.own:
            _ADDRESS.count(self.network)
            _IDENTIFIER.count(self.who)
        if _PAIR.count(self.who, self.network) == _PAIR.tries:
            note("sign_in_door_closed", door=_PAIR.door(self.who, self.network))

    def forget_failures(self) -> None:
        """Forget what was typed wrong under this name at this address."""
        _PAIR.forget(self.who, self.network)


def remember_address(*, user: User, address: str) -> None:
    """Note that the user proved at this address who they are."""
    row = KnownAddress(door=_known_door(user, address), seen_at=clock.now())
    KnownAddress.objects.bulk_create([row], update_conflicts=True, unique_fields=["door"], update_fields=["seen_at"])


def is_known(*, user: User | None, address: str) -> bool:
    """Whether the user proved at this address within 90 days who they are; the same work for nobody (None)."""
    door = _known_door(user, address)
    return KnownAddress.objects.filter(door=door, seen_at__gt=clock.now() - KNOWN_FOR).exists()


def admit(*, user: User, address: str) -> None:
    """Open every door of the user at this address, where they proved who they are by a mailed code."""
    Door.of(user=user, address=address).forget_failures()
    for name in (user.username, user.email):
        Door.of(identifier=name, address=address).forget_failures()
    remember_address(user=user, address=address)


def delete_old_addresses() -> int:
    """Remove the addresses that are no longer known; returns how many."""
    return KnownAddress.objects.filter(seen_at__lte=clock.now() - KNOWN_FOR).delete()[0]


def _known_door(user: User | None, address: str) -> str:
    return digest("known-address", str(user.pk if user else None), network_of(address))

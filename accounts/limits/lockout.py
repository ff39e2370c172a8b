"""Limits on failed sign-ins, counted in the database by the name that was typed, not by the account.

Three limits lock sign-ins for 15 minutes: per name and address, per name, and per address. They apply to names with and
without an account, and two names of one account have separate counts, so the limits do not disclose whether an account
exists. The last two do not apply to a user at an address where they signed in within 90 days, so that an attacker
elsewhere cannot lock out a user at work. An IPv6 address is counted as its /64 network. docs/sign-in-limits.md has the
table. Only failures are counted: a successful sign-in costs some reads and one write of the address.
"""

from dataclasses import dataclass
from datetime import timedelta

from accounts.audit.security_log import digest, log_event
from accounts.limits.attempts import Limit
from accounts.models import KnownAddress, User
from core import clock
from core.api.client_address import network_of
from core.normal_form import identity_key

_PER_NAME_AND_ADDRESS = Limit("sign-in", 5)
_PER_NAME = Limit("sign-in-name", 30)
PER_ADDRESS = Limit("sign-in-address", 300)  # a whole hospital may share one address
KNOWN_ADDRESS_LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class SignInKey:
    """A name at an address; `own` is True for a signed-in user who repeats their own password."""

    name: str
    address: str
    own: bool = False

    @classmethod
    def of(cls, *, user: User | None = None, identifier: str = "", address: str) -> "SignInKey":
        """Return the key of the name that was typed or, if a user is given, of that signed-in user."""
        if user is not None:
            return cls(name=f"USER {user.pk}", address=address, own=True)  # in capitals, which no normal form contains
        return cls(name=identity_key(identifier.strip()), address=address)

    @property
    def network(self) -> str:
        """Return the network under which the address is counted."""
        return network_of(self.address)

    def seconds_locked(self) -> int:
        """Return for how many seconds every password is refused; 0 if the key is not locked."""
        locked = _PER_NAME_AND_ADDRESS.seconds_locked(self.name, self.network)
        if self.own:
            return locked
        return max(locked, _PER_NAME.seconds_locked(self.name), PER_ADDRESS.seconds_locked(self.network))

    def exempts(self, user: User | None) -> bool:
        """Return whether the user is at a known address and only limits that exempt such users lock the key."""
        return not _PER_NAME_AND_ADDRESS.seconds_locked(self.name, self.network) and is_known(
            user=user, address=self.address
        )

    def record_failure(self) -> None:
        """Count one failure; the one that reaches a limit locks the key for 15 minutes from now."""
        if not self.own:
            PER_ADDRESS.count(self.network)
            _PER_NAME.count(self.name)
        if _PER_NAME_AND_ADDRESS.count(self.name, self.network) == _PER_NAME_AND_ADDRESS.max_attempts:
            log_event("sign_in_locked", key=_PER_NAME_AND_ADDRESS.key(self.name, self.network))

    def clear_failures(self) -> None:
        """Delete the count of failures for this name at this address."""
        _PER_NAME_AND_ADDRESS.clear(self.name, self.network)


def remember_address(*, user: User, address: str) -> None:
    """Store that the user authenticated at this address."""
    row = KnownAddress(key=_known_address_key(user, address), seen_at=clock.now())
    KnownAddress.objects.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["seen_at"])


def is_known(*, user: User | None, address: str) -> bool:
    """Return whether the user authenticated at this address within 90 days; takes as long for None."""
    key = _known_address_key(user, address)
    return KnownAddress.objects.filter(key=key, seen_at__gt=clock.now() - KNOWN_ADDRESS_LIFETIME).exists()


def unlock(*, user: User, address: str) -> None:
    """Clear the user's failures at this address, after they proved their identity by a mailed code."""
    SignInKey.of(user=user, address=address).clear_failures()
    for name in (user.username, user.email):
        SignInKey.of(identifier=name, address=address).clear_failures()
    remember_address(user=user, address=address)


def delete_old_addresses() -> int:
    """Delete the addresses that are no longer known; return the number of rows."""
    return KnownAddress.objects.filter(seen_at__lte=clock.now() - KNOWN_ADDRESS_LIFETIME).delete()[0]


def _known_address_key(user: User | None, address: str) -> str:
    return digest("known-address", str(user.pk if user else None), network_of(address))

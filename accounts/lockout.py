"""Failed sign-ins close the door for that user at that address; nobody else is locked out by them.

Only failures are counted and written, so a day of good sign-ins costs one read each.
"""

from dataclasses import dataclass

from accounts.attempts import Limit
from accounts.models import User
from accounts.security_log import note

_PAIR = Limit("sign-in", 5)
_ADDRESS = Limit("sign-in-address", 300)  # a whole hospital may stand behind one address


@dataclass(frozen=True)
class Door:
    """One user (or a name that nobody has) knocking from one address."""

    who: str
    address: str

    @classmethod
    def of(cls, *, user: User | None, identifier: str, address: str) -> "Door":
        """The door at which this identifier knocks: the same for a user's name and e-mail."""
        return cls(who=str(user.pk) if user else identifier.strip().casefold(), address=address)

    def seconds_locked(self) -> int:
        """For how long even the right password is refused here; 0 when the door is open."""
        return max(_PAIR.seconds_closed(self.who, self.address), _ADDRESS.seconds_closed(self.address))

    def record_failure(self) -> None:
        """Count one failure; the one that reaches the limit closes the door for a quarter of an hour from now."""
        _ADDRESS.count(self.address)
        if _PAIR.count(self.who, self.address) == _PAIR.tries:
            note("sign_in_door_closed", door=_PAIR.door(self.who, self.address))

    def forget_failures(self) -> None:
        """A good sign-in clears what this user failed before from this address."""
        _PAIR.forget(self.who, self.address)

"""The reference's acts on patients who were called, stepped out or let others pass; a part of `Reference`."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.model.objects import Refused, Slot, Token

SKIP_PLACES = MAX_SKIPS = 3
NOT_URGENT = ("PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN")


class Visits:
    """Acts on one token between its call and its end."""

    now: Any
    grace: Any
    settle: Any
    queue: Any
    estimate: Any
    _only: Any
    takes_emergencies: Any
    bookable: Any
    seats: Any
    day: Any
    waiting: Any
    _ask: Any
    _promote: Any

    def recall(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "CALLED")
        token.times_called += 1

    def skip(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "CALLED")
        token.skips += 1
        if token.skips >= MAX_SKIPS:
            token.move("NO_SHOW", max(self.now, token.told or self.now) + self.grace)
            return
        self._step_back(token, self.queue(token.slot), SKIP_PLACES)
        token.move("CHECKED_IN")

    def let_pass(self, token: Token, places: int) -> None:
        self.settle(token.slot)
        self._only(token, "CHECKED_IN")
        self._step_back(token, [t for t in self.queue(token.slot) if t.rank > token.rank], places)

    def step_out(self, token: Token, minutes: int = 30) -> None:
        self.settle(token.slot)
        self._only(token, "CHECKED_IN", "CALLED", "IN_CONSULTATION")
        if token.slot.state == "CANCELLED":
            raise Refused("invalid-transition")
        if token.status == "CHECKED_IN":
            token.told = self.estimate(token)
        if token.status == "IN_CONSULTATION" and token.category != "EMERGENCY":
            token.place = Decimal("1.00"), 6, token.asked, Fraction(0)
        token.returns_by = self.now + timedelta(minutes=minutes)
        token.move("STEPPED_OUT")

    def step_in(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "STEPPED_OUT")
        token.returns_by = None
        token.move("CHECKED_IN")

    def reclassify(self, token: Token, category: str) -> None:
        self.settle(token.slot)
        if token.category == "EMERGENCY":
            raise Refused("validation-error")
        self._only(token, "PENDING", "CONFIRMED", "CHECKED_IN")
        base = {name: 2 + n for n, name in enumerate(NOT_URGENT)}
        token.priority += base[category] - base[token.category]
        token.category, token.place = category, None

    def move(self, token: Token, slot: Slot) -> list[Token]:
        source = token.slot
        for each in sorted({source, slot}, key=lambda one: one.number):
            self.settle(each)
        if source is slot:
            raise Refused("invalid-transition")
        self._only(token, "PENDING", "CONFIRMED", "CHECKED_IN", "STEPPED_OUT")
        urgent = token.category == "EMERGENCY"
        if not (self.takes_emergencies(slot) if urgent else self.bookable(slot)):
            raise Refused("slot-not-open")
        kept = [t for t in slot.tokens if t.status == "BUFFER"]
        full = not urgent and self.seats(slot) >= slot.capacity
        if full and not (kept and self.seats(slot) - 1 < slot.capacity):
            raise Refused("slot-full")
        third = (t for t in token.patient.tokens if t.live and t is not token and t.slot.doctor is slot.doctor)
        if any(self.day(t.slot) == self.day(slot) for t in third):
            raise Refused("duplicate-booking")
        if full:
            min(kept, key=lambda t: t.due).move("CANCELLED")
        for entry in self.waiting(slot):
            if entry.patient is token.patient:
                entry.status = "WITHDRAWN"
        source.tokens.remove(token)
        slot.tokens.append(token)
        token.slot = slot
        back = token.place is not None and token.place[1] == 6
        token.place = None
        if urgent:
            token.asked = self._ask()
        elif back:
            token.place = Decimal("1.00"), 6, self._ask(), Fraction(0)
        token.path.append(token.status)
        return list(self._promote(source))

    def _step_back(self, token: Token, line: list[Token], places: int) -> None:
        """Put the token behind the first of the line, an emergency behind emergencies alone, and never forward."""
        passed = [t for t in line if token.category in (t.category, *NOT_URGENT)][:places]
        if passed and passed[-1].rank > token.rank:
            *same, low = passed[-1].rank
            others = [t.rank[3] for t in token.slot.tokens if t.place and [*t.rank[:3]] == same and t.rank[3] > low]
            token.place = (*passed[-1].rank[:3], (low + min(others, default=low + 2)) / 2)

"""Changing the category of a token."""

from core.errors import ValidationFailed
from tokens.engine.ledger import Ledger
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.policy.lifecycle import RECLASSIFY_FROM, Status
from tokens.policy.priority import BASE, Category


def reclassify(ledger: Ledger, *, token: Token, category: Category, reason: str) -> None:
    """Change the category of a token in the queue; the priority follows from it and from the bonuses of the request.

    Raise ValidationFailed if either category is EMERGENCY, which only an admission gives and nothing takes away.
    """
    if Category.EMERGENCY in (category, token.category):
        raise ValidationFailed.of("category", "emergency", "An emergency is admitted, and stays one.")
    ledger.rules.check_category(category)
    action = RECLASSIFY_FROM.get(Status(token.status))
    if action is None:
        raise InvalidTransition(current_status=token.status, action="reclassify")
    before, priority = token.category, BASE[category] - token.time_bonus - token.care_bonus
    ledger.move(
        token,
        action,
        data={
            "category": category.value,
            "before": before,
            "priority": str(priority),
            **({"reason": reason} if reason else {}),
        },
        category=category.value,
        priority=priority,
        place=None,
    )

"""Sessions of the admin site: 30 minutes after the last request, at most 12 hours after the sign-in."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.dispatch import receiver

from core import clock

LONGEST = timedelta(hours=12)
_SIGNED_IN_AT = "signed_in_at"


class SessionStore(DatabaseStore):
    """Django's sessions in the database, none of which outlives LONGEST."""

    def get_session_cookie_age(self) -> int:
        """Seconds until the session ends if nothing more is asked: the idle time, or what is left of LONGEST."""
        idle: int = settings.SESSION_COOKIE_AGE
        if SESSION_KEY not in self:
            return idle
        began = signed_in_at(self)
        left = (began + LONGEST - clock.now()).total_seconds() if began is not None else 0
        return max(0, min(idle, int(left)))


def signed_in_at(session: Any) -> datetime | None:
    """The time at which the user of a session signed in; None for a session without a user."""
    text = session.get(_SIGNED_IN_AT)
    return None if text is None else datetime.fromisoformat(text)


@receiver(user_logged_in)
def _note_sign_in(request: Any, **facts: Any) -> None:
    request.session[_SIGNED_IN_AT] = clock.now().isoformat()

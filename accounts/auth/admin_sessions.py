"""Sessions of the admin site. They end 30 minutes after the last request, at most 12 hours after the sign-in."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.dispatch import receiver

from core import clock

MAX_SESSION_AGE = timedelta(hours=12)
_SIGNED_IN_AT = "signed_in_at"


class SessionStore(DatabaseStore):
    """Django's database sessions, limited to MAX_SESSION_AGE."""

    def get_session_cookie_age(self) -> int:
        """Return the seconds until the session ends without a further request, within MAX_SESSION_AGE."""
        idle: int = settings.SESSION_COOKIE_AGE
        if SESSION_KEY not in self:
            return idle
        started = signed_in_at(self)
        left = (started + MAX_SESSION_AGE - clock.now()).total_seconds() if started is not None else 0
        return max(0, min(idle, int(left)))


def signed_in_at(session: Any) -> datetime | None:
    """Return when the user of a session signed in; None for a session without a user."""
    text = session.get(_SIGNED_IN_AT)
    return None if text is None else datetime.fromisoformat(text)


@receiver(user_logged_in)
def _store_sign_in_time(request: Any, **facts: Any) -> None:
    request.session[_SIGNED_IN_AT] = clock.now().isoformat()

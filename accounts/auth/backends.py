"""The authentication backend of the admin site, which uses the same sign-in as the API."""

from typing import Any

from accounts.auth.login import SignInRefused, sign_in
from accounts.models import User
from core.api.client_address import client_address


class PasswordBackend:
    """Authenticate a user by user name or e-mail address, password and, if set up, second factor."""

    def authenticate(
        self, request: Any, username: Any = None, password: Any = None, otp: str | None = None, **_: Any
    ) -> User | None:
        """Return the active user with these credentials, or None."""
        address = client_address(request) if request is not None else "0.0.0.0"  # noqa: S104
        try:
            return sign_in(identifier=username, password=password, address=address, otp=otp)
        except SignInRefused:
            return None

    def get_user(self, user_id: Any) -> User | None:
        """Return the active user of an admin session, or None."""
        return User.objects.filter(pk=user_id, is_active=True).first()

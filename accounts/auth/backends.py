"""Django's way to the same door: what the admin site's form comes through."""

from typing import Any

from accounts.auth.login import SignInRefused, sign_in
from accounts.models import User
from core.api.client_address import client_address


class PasswordBackend:
    """Recognises a user by user name or e-mail, password and, where one is set up, the second factor."""

    def authenticate(
        self, request: Any, username: Any = None, password: Any = None, otp: str | None = None, **_: Any
    ) -> User | None:
        """The active user of these credentials, or None."""
        address = client_address(request) if request is not None else "0.0.0.0"  # noqa: S104
        try:
            return sign_in(identifier=username, password=password, address=address, otp=otp)
        except SignInRefused:
            return None

    def get_user(self, user_id: Any) -> User | None:
        """The active user of an admin session."""
        return User.objects.filter(pk=user_id, is_active=True).first()

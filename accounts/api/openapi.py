"""What the OpenAPI document says of access: how a caller identifies itself, and who may call what."""

from typing import Any

from django.urls import reverse
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.access.permission_table import MATRIX, Reach
from accounts.access.permissions import capability_of
from accounts.access.roles import Role, Scope
from core.api.openapi import OperationSchema

SIGN_IN = (
    "For people: sign in with your user name (or e-mail address) and password and, if you have set one up, the code of "
    "your second factor (`client_secret` in a program that has no such field). Swagger UI then stays signed in for the "
    "shift, until the page is closed or reloaded."
)


class SessionSchemes(OpenApiAuthenticationExtension):
    """An access token: fetched by Swagger UI and the like after a sign-in, or sent by a program that has one."""

    target_class = "accounts.auth.authentication.JWTAuthentication"
    name = ["signIn", "bearer"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return either of the two."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return the schemes as OpenAPI writes them."""
        token_url = reverse("auth-oauth-token")
        return [
            {
                "type": "oauth2",
                "description": SIGN_IN,
                "flows": {"password": {"tokenUrl": token_url, "refreshUrl": token_url, "scopes": {}}},
            },
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token, for programs.",
            },
        ]


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """`Authorization: Api-Key <key>`."""

    target_class = "accounts.auth.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The scheme as OpenAPI writes it."""
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`"}


def who_may(capability: str) -> str:
    """A line for people, made from the matrix: which roles and which keys reach how far."""
    row = MATRIX[capability]
    roles = [f"{role}{' (own)' if row[role] is Reach.OWN else ''}" for role in Role.values if row[role]]
    lowest = next((scope for scope in Scope.values if row[scope]), None)  # each scope includes those before it
    keys = f"API keys from the scope `{lowest}` up" if lowest else "no API key"
    return f"**Who may:** {', '.join(roles)}; {keys}."


class AccessSchema(OperationSchema):
    """An operation, with the line of the matrix that stands for it."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation as core makes it, completed."""
        operation = super().get_operation(*args, **kwargs)
        capability = capability_of(self.view, self.method)
        if operation is not None and capability is not None:
            described = operation.get("description", "")
            operation["description"] = f"{described}\n\n{who_may(capability)}".strip()
            operation["x-capability"] = capability
        return operation

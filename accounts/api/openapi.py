"""The security schemes and permission notes of the OpenAPI document."""

from typing import Any

from django.urls import reverse
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.access.permission_table import DEVICE_PERMISSIONS, FOR_SUPERUSERS, PERMISSIONS, Reach
from accounts.access.permissions import capability_of
from accounts.access.roles import Role, Scope
from core.api.openapi import OperationSchema

SIGN_IN = (
    "For people: sign in with your user name (or e-mail address) and password and, if you have set one up, the code of "
    "your second factor (`client_secret` in a program that has no such field). Swagger UI then stays signed in for the "
    "shift, until the page is closed or reloaded."
)


class SessionSchemes(OpenApiAuthenticationExtension):
    """The schemes for access tokens: OAuth 2.0 sign-in for Swagger UI, and a bearer token for programs."""

    target_class = "accounts.auth.authentication.JWTAuthentication"
    name = ["signIn", "bearer"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the alternatives, one per scheme; none if only a device may call the operation."""
        return [] if is_for_devices(auto_schema) else [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return the OpenAPI definitions of the schemes."""
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
    """The scheme for `Authorization: Api-Key <key>`."""

    target_class = "accounts.auth.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the scheme; none if only a device may call the operation."""
        return [] if is_for_devices(auto_schema) else [{self.name: []}]

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the OpenAPI definition of the scheme."""
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`"}


def is_for_devices(auto_schema: Any) -> bool:
    """Return whether the capability of the operation is one of boards, kiosks or links."""
    return capability_of(auto_schema.view, auto_schema.method) in DEVICE_PERMISSIONS


def access_note(capability: str) -> str:
    """Return a line of the description that lists the callers with this capability."""
    if capability in DEVICE_PERMISSIONS:
        return f"**Who may:** only a caller of this kind: {DEVICE_PERMISSIONS[capability].label}."
    row = PERMISSIONS[capability]
    if capability in FOR_SUPERUSERS:
        return "**Who may:** superusers; no API key."
    roles = [f"{role}{' (own)' if row[role] is Reach.OWN else ''}" for role in Role.values if row[role]]
    lowest = next((scope for scope in Scope.values if row[scope]), None)  # each scope includes those before it
    keys = f"API keys from the scope `{lowest}` up" if lowest else "no API key"
    return f"**Who may:** {', '.join(roles)}; {keys}."


class AccessSchema(OperationSchema):
    """Adds the capability and its permission note to each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation, with the permission note in its description."""
        operation = super().get_operation(*args, **kwargs)
        capability = capability_of(self.view, self.method)
        if operation is not None and capability is not None:
            described = operation.get("description", "")
            operation["description"] = f"{described}\n\n{access_note(capability)}".strip()
            operation["x-capability"] = capability
        return operation

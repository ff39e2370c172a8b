"""The operations of the OpenAPI document: method, path and a body that would be accepted.

The list is generated from the document, so the security tests cover new endpoints automatically.
"""

import json
import re
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection

from accounts.access.permission_table import DEVICE_PERMISSIONS
from tests.support.hospital import Hospital

WRITES = frozenset({"post", "put", "patch", "delete"})
OPEN = "open"
"""The capability of an operation that needs no credentials, or whose path contains them."""
SIGNED_IN = "signed-in"
"""The capability of an operation that any signed-in caller may use for their own account."""

NOT_OURS = {"accounts_attemptcount", "accounts_readtrail", "django_session"}
"""Tables that may grow when a request is refused: counts of failures, and the trail of who read what."""


@dataclass(frozen=True)
class Operation:
    """One method of one path. `body` is the document's example, or an empty object."""

    method: str
    path: str
    capability: str
    body: str
    fields: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1/')}"

    @property
    def example(self) -> Any:
        return json.loads(self.body)

    def address(self, things: dict[str, str]) -> str:
        """Return the path filled with the ids given by collection ("slots", "tokens", ...)."""
        collection = self.path.removeprefix("/api/v1/").split("/")[0]
        return re.sub(r"\{\w+\}", lambda _: things[collection], self.path)


@cache
def operations() -> tuple[Operation, ...]:
    """Return all operations of the document."""
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    return tuple(
        Operation(
            method=method.upper(),
            path=path,
            capability=OPEN if operation.get("security") == [] else operation.get("x-capability") or SIGNED_IN,
            body=json.dumps(_example(document, operation), default=str),
            fields=tuple(sorted((name, str(facts.get("type", ""))) for name, facts in _fields(document, operation))),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1/")
    )


def writes() -> list[Operation]:
    """Return the operations whose method is not safe."""
    return [each for each in operations() if each.method.lower() in WRITES]


def authorization_of(operation: Operation, hospital: Hospital) -> str:
    """Return the Authorization header of a caller who may call the operation: a device, or else the administrator."""
    if operation.capability == OPEN:
        return ""
    kind = DEVICE_PERMISSIONS.get(operation.capability)
    return hospital.device(kind).authorization if kind else hospital.admin.authorization


def _content(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    body = _resolved(document, operation.get("requestBody", {}))
    found: dict[str, Any] = body.get("content", {}).get("application/json", {})
    return found


def _example(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = _content(document, operation)
    examples = [_resolved(document, each) for each in content.get("examples", {}).values()]
    return examples[0]["value"] if examples else content.get("example", {})


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    schema = _resolved(document, _content(document, operation).get("schema", {}))
    return list(schema.get("properties", {}).items())


def _resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def contents() -> dict[str, Any]:
    """Return a digest of every table of the engine."""
    tables = sorted(set(connection.introspection.table_names()) - NOT_OURS)
    query = " UNION ALL ".join(
        f"SELECT '{name}', count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {name} t"
        for name in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name: rest for name, *rest in cursor.fetchall()}


def create_objects(hospital: Hospital) -> dict[str, str]:
    """Create one object per collection; return their ids, for the paths of the operations."""
    doctor = hospital.doctor()
    slot = hospital.slot(doctor, capacity=1)
    token, entry = hospital.token(slot), hospital.entry(slot)
    made = hospital.admin.post("api-keys/", {"name": "attacked", "scopes": ["read"]}).expect(201)
    room = hospital.admin.post("rooms/", {"name": "Room 4", "code": f"R{secrets.token_hex(3).upper()}"}).expect(201)
    return {
        "doctors": doctor["id"],
        "slots": slot["id"],
        "tokens": token["id"],
        "patients": token["patient"],
        "waiting-list": entry["id"],
        "facilities": hospital.facility["id"],
        "users": hospital.desk.get("auth/me/").expect(200)["id"],
        "api-keys": made["id"],
        "rooms": room["id"],
        "boards": hospital.admin.post("boards/", {"name": "attacked"}).expect(201)["id"],
        "kiosks": hospital.admin.post("kiosks/", {"name": "attacked"}).expect(201)["id"],
        "track": hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)["code"],
    }

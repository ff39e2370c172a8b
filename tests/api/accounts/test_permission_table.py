"""The permission table: every role and key scope against every operation of the OpenAPI document."""

import uuid
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from accounts.access.permission_table import COLUMNS, DEVICE_PERMISSIONS, PERMISSIONS, Reach, reach
from accounts.access.permissions import HasCapability, capability_of
from accounts.access.principal import Principal
from accounts.access.roles import Role, Scope, with_included
from accounts.api.openapi import access_note
from tests.api.accounts.conftest import MakeUser, bearer, key_client, problem

# The contract's permission table, written out independently by row: all, own or none.
PROMISED = {
    "users.manage": "all - - -",
    "api_keys.manage": "all - - -",
    "facilities.write": "all - - -",
    "facilities.create": "all - - -",
    "doctors.read": "all all all all",
    "doctors.write": "all - - -",
    "rooms.read": "all all all -",
    "rooms.write": "all - - -",
    "patients.read": "all all own own",
    "patients.register": "all all - own",
    "patients.write": "all all - own",
    "patients.merge": "all all - -",
    "slots.read": "all all all all",
    "slots.write": "all all - -",
    "slots.run": "all all own -",
    "slots.cancel": "all all - -",
    "tokens.read": "all all own own",
    "tokens.book": "all all - own",
    "tokens.emergency": "all all own -",
    "tokens.attend": "all all own -",
    "tokens.undo": "all all own own",
    "tokens.move": "all all - own",
    "tokens.reclassify": "all all - -",
    "queue.read": "all all own own",
    "waiting_list.read": "all all own own",
    "waiting_list.write": "all all - own",
    "waiting_list.seat": "all all - -",
    "reports.read": "all all own -",
    "events.read": "all all own -",
    "devices.read": "all all all -",
    "devices.write": "all - - -",
}
NOT_FOR_KEYS = {
    "rooms.write", "users.manage", "api_keys.manage", "facilities.write", "facilities.create", "doctors.write",
    "devices.write",
}  # fmt: skip
FOR_BOOKING = {"tokens.book", "tokens.undo", "patients.register", "waiting_list.write"}
OPEN = {
    "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/logout/", "/api/v1/auth/register/",
    "/api/v1/auth/register/verify/", "/api/v1/auth/password/forgot/", "/api/v1/auth/password/reset/",
    "/api/v1/auth/oauth/token/",
}  # fmt: skip
FOR_SCREENS = ("/api/v1/board/pairing/", "/api/v1/kiosk/pairing/")
"""A screen asks for its code before it has a credential."""
BY_CODE = "/api/v1/track/"
"""The code in the path is the credential; any other answers 404."""


@pytest.mark.parametrize("capability", PROMISED)
def test_the_matrix_is_what_was_promised(capability: str) -> None:
    roles = [PERMISSIONS[capability][role] for role in (Role.ADMIN, Role.FRONT_DESK, Role.DOCTOR, Role.PATIENT)]
    assert [{2: "all", 1: "own", 0: "-"}[each] for each in roles] == PROMISED[capability].split()
    keys = [bool(PERMISSIONS[capability][scope]) for scope in (Scope.READ, Scope.BOOK, Scope.OPERATE)]
    reads = capability.endswith(".read")
    assert keys == [reads, reads or capability in FOR_BOOKING, capability not in NOT_FOR_KEYS]


def test_reach_is_the_widest_of_a_keys_scopes_and_nothing_for_an_unknown_capability() -> None:
    key = Principal(kind="key", id=uuid.uuid4(), scopes=with_included(["book"]))
    assert reach(key, "tokens.book") is Reach.ALL
    assert reach(key, "tokens.attend") is Reach.NONE
    assert reach(key, "tokens.fly") is Reach.NONE
    assert reach(Principal(kind="key", id=uuid.uuid4()), "slots.read") is Reach.NONE


def _operations() -> list[tuple[str, str, str | None]]:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return sorted(
        (path, method.upper(), operation.get("x-capability"))
        for path, operations in paths.items()
        for method, operation in operations.items()
    )


def _ask(client: APIClient, path: str, method: str) -> Any:
    address = path
    while "{" in address:
        before, _, rest = address.partition("{")
        address = before + str(uuid.uuid4()) + rest.partition("}")[2]
    return getattr(client, method.lower())(address, **({} if method == "GET" else {"data": {}}))


def test_every_operation_asks_for_a_capability_or_is_for_everybody() -> None:
    mine = {path for path, _, capability in _operations() if capability is None}
    known = ("/api/v1/auth/", "/api/schema", "/api/docs", *FOR_SCREENS)
    assert {path for path in mine if not path.startswith(known)} == set()
    assert all(capability in PERMISSIONS | DEVICE_PERMISSIONS for _, _, capability in _operations() if capability)


def test_without_credentials_only_the_public_operations_are_allowed() -> None:
    stranger = APIClient(raise_request_exception=False)
    for path, method, _ in _operations():
        if path not in OPEN and not path.startswith((BY_CODE, *FOR_SCREENS)):
            problem(_ask(stranger, path, method), 401, "not-authenticated")


@pytest.mark.parametrize("who", COLUMNS)
def test_each_cell(who: str, make_user: MakeUser, make_doctor: Any) -> None:
    facts = {Role.DOCTOR: {"doctor": make_doctor()}, Role.ADMIN: {"is_superuser": True}}.get(who, {})
    client = bearer(make_user(Role(who), **facts)) if who in Role.values else key_client(who)
    for path, method, capability in _operations():
        if capability is None or path.startswith(BY_CODE):
            continue
        response = _ask(client, path, method)
        # A key has what its scope includes; the table must state it, as the OpenAPI document is built from it.
        if PERMISSIONS.get(capability, {}).get(who, Reach.NONE) is Reach.NONE:
            problem(response, 403, "permission-denied")
        else:
            wrong_form = (415,) if path.endswith("/logo/") else ()  # whose body is multipart
            allowed = (200, 400, 404, 409, *wrong_form)
            assert response.status_code in allowed, (path, method, response.status_code, response.content)


def test_an_administrator_adds_no_facility(make_user: MakeUser) -> None:
    body = {"name": "Branch", "code": "BRANCH"}
    problem(bearer(make_user(Role.ADMIN)).post("/api/v1/facilities/", body), 403, "permission-denied")


def test_a_method_that_does_not_exist_is_not_a_matter_of_rights(make_user: MakeUser) -> None:
    client = bearer(make_user(Role.PATIENT))
    problem(client.delete("/api/v1/users/"), 405, "method-not-allowed")
    problem(APIClient().delete("/api/v1/users/"), 401, "not-authenticated")


def test_a_view_without_a_capability_is_closed() -> None:
    class Forgotten(APIView):
        def get(self, request: Any) -> None:
            raise AssertionError("nobody gets here")

    class Misspelt(Forgotten):
        capability = "tokens.bok"

    request = Forgotten().initialize_request(APIRequestFactory().get("/"))
    request.auth = Principal(kind="user", id=uuid.uuid4(), role=Role.ADMIN)
    request.user = type("Somebody", (), {"is_authenticated": True})()
    for view in (Forgotten(), Misspelt()):
        assert not HasCapability().has_permission(request, view)


def test_capabilities_go_by_action_then_by_method() -> None:
    view = type("View", (), {"capability": "slots.read", "capabilities": {"call": "slots.run", "GET": "queue.read"}})()
    assert capability_of(view, "POST") == "slots.read"
    assert capability_of(view, "HEAD") == "queue.read"
    view.action = "call"
    assert capability_of(view, "GET") == "slots.run"


def test_the_document_states_the_permissions() -> None:
    assert (
        access_note("tokens.book")
        == "**Who may:** ADMIN, FRONT_DESK, PATIENT (own); API keys from the scope `book` up."
    )
    assert access_note("users.manage") == "**Who may:** ADMIN; no API key."

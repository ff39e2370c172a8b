"""An API key belongs to a system: it has no account, no password, no session and no second factor."""

import pytest

from tests.factories import first_admin
from tests.security.openapi_operations import SIGNED_IN, operations
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scope", ["read", "book", "operate"])
def test_a_key_may_use_no_endpoint_of_an_account(scope: str) -> None:
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    key = hospital.key(scope)
    tried = 0
    for operation in operations():
        if operation.capability == SIGNED_IN:
            for body in (None,) if operation.method == "GET" else (operation.example, {}):
                key.call(operation.method, operation.path, body).expect(403, "permission-denied")
                tried += 1
    assert tried > 5
    key.get("slots/").expect(200)

"""Every exception becomes a problem response without internal details."""

from typing import TypeVar

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InternalError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf

from core import errors
from core.api.problem_details import (
    RETRY_AFTER,
    STATUS,
    constraint_of,
    describe,
    of_exception,
    register_constraint,
    title_of,
)

E = TypeVar("E", bound=Exception)


class Cause(Exception):
    """A stand-in for the psycopg error that Django wraps."""

    def __init__(
        self, sqlstate: str | None = None, constraint: str | None = None, detail: str = "", message: str | None = None
    ) -> None:
        super().__init__("secret: Key (phone)=(+91 98450)")
        self.sqlstate = sqlstate
        facts = {"constraint_name": constraint, "message_detail": detail, "message_primary": message}
        self.diag = type("Diag", (), facts)


def caused(error: E, **facts: str) -> E:
    error.__cause__ = Cause(**facts)
    return error


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"constraint": "one_seat"}, "one_seat"),
        ({"constraint": "one_seat_102068"}, "one_seat"),
        ({"message": 'duplicate key value violates unique constraint "one_seat_102068"'}, "one_seat"),
        ({"message": 'new row for relation "slot" violates check constraint "one_seat"'}, "one_seat"),
        ({"message": "could not serialize access"}, None),
        ({"constraint": "facility_code_42"}, "facility_code_42"),
        ({}, None),
    ],
)
def test_a_constraint_is_known_by_its_name_on_a_shard_too(facts: dict[str, str], name: str | None) -> None:
    assert constraint_of(caused(IntegrityError("x"), **facts)) == name
    assert constraint_of(IntegrityError("x")) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Http404("x"), "not-found"),
        (PermissionDenied("x"), "permission-denied"),
        (RequestDataTooBig("x"), "payload-too-large"),
        (SuspiciousOperation("x"), "validation-error"),
        (DataError("x"), "validation-error"),
        (caused(OperationalError("x"), sqlstate="57P01"), "unavailable"),
        (caused(InternalError("could not commit transaction on any active node"), sqlstate="XX000"), "unavailable"),
        (caused(InternalError("invalid page in block 3"), sqlstate="XX000"), "internal-error"),
        (caused(OperationalError("x"), sqlstate="55P03"), "slot-busy"),
        (caused(OperationalError("x"), sqlstate="40P01"), "unavailable"),
        (caused(IntegrityError("x"), sqlstate="23503", detail="Key is still referenced from table"), "in-use"),
        (caused(IntegrityError("x"), sqlstate="23503", detail="Key is not present in table"), "not-found"),
        (caused(IntegrityError("x"), sqlstate="23505", constraint="nobody_knows"), "internal-error"),
        (ZeroDivisionError("secret"), "internal-error"),
        (drf.NotFound(), "not-found"),
        (drf.MethodNotAllowed("PUT"), "method-not-allowed"),
        (drf.NotAcceptable(), "not-acceptable"),
        (drf.UnsupportedMediaType("text/html"), "unsupported-media-type"),
        (drf.NotAuthenticated(), "not-authenticated"),
        (drf.AuthenticationFailed(), "not-authenticated"),
        (drf.PermissionDenied(), "permission-denied"),
        (drf.ParseError(), "validation-error"),
        (drf.Throttled(wait=3.2), "throttled"),
        (errors.IdempotencyMismatch(), "idempotency-mismatch"),
    ],
)
def test_code_and_status(error: Exception, code: str) -> None:
    problem, headers = describe(error)
    assert problem["code"] == code
    assert problem["status"] == STATUS[code]
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert ("Retry-After" in headers) == (code in RETRY_AFTER)
    assert (problem["status"] == 400) == ("errors" in problem)
    response = of_exception(error)
    assert response["Content-Type"] == "application/problem+json"
    assert b"secret" not in response.content
    assert b"98450" not in response.content


def test_every_code_has_a_title() -> None:
    assert {code for code in STATUS if title_of(code) == code} == set()


def test_a_known_constraint_answers_its_own_error() -> None:
    register_constraint("one_thing_only", errors.InUse)
    problem, _ = describe(caused(IntegrityError("x"), sqlstate="23505", constraint="one_thing_only"))
    assert problem["code"] == "in-use"


def test_nested_fields_are_dotted_paths() -> None:
    detail = {"a": {"b": [{}, {"c": ["wrong"]}]}, "non_field_errors": ["never"], "d": ["one", "two"]}
    problem, _ = describe(drf.ValidationError(detail))
    assert [(each["field"], each["code"]) for each in problem["errors"]] == [
        ("a.b.1.c", "invalid"),
        ("body", "invalid"),
        ("d", "invalid"),
        ("d", "invalid"),
    ]


def test_an_id_that_does_not_exist_is_not_found() -> None:
    missing = {"doctor": [drf.ErrorDetail("No such doctor", code="does_not_exist")]}
    assert describe(drf.ValidationError(missing))[0]["code"] == "not-found"
    both = {**missing, "name": ["Too long"]}
    assert describe(drf.ValidationError(both))[0]["code"] == "validation-error"


def test_facts_are_members_and_cannot_replace_the_problem_s_own() -> None:
    problem, _ = describe(errors.InUse(tokens=3))
    assert problem["tokens"] == 3
    throttled, headers = describe(errors.Throttled(retry_after=2.1))
    assert headers["Retry-After"] == "3"
    assert throttled["status"] == 429

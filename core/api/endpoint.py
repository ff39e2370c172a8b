"""The base class of every route of the API: JSON in, JSON or a problem out.

It keeps the declarations of DRF's views (authentication, permission and throttle classes, pagination,
serializers), from which drf-spectacular makes the OpenAPI document, and leaves out what a JSON-only API does not use:
content negotiation, several parsers and renderers, versioning and template responses.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import GenericAPIView

from core.api import problem_details
from core.api.answers import JSON, Answer, response_of
from core.api.request import ApiRequest
from core.api.scoped_ids import own_ids
from core.db.shared_reads import Wanted

ACCEPTED = frozenset({"*/*", "application/*", JSON, problem_details.CONTENT_TYPE})
_BY_SPECIFICITY = (JSON, "application/*", "*/*")
_ZERO_QUALITY = re.compile(r";\s*q\s*=\s*0(?:\.0*)?\s*(?:;|\Z)", re.IGNORECASE)


class Endpoint(GenericAPIView[Any]):
    """A route of the API. Handlers take an ApiRequest and return an Answer or a Django response."""

    authenticators: ClassVar[list[BaseAuthentication]]
    permissions: ClassVar[list[Any]]
    accepted: ClassVar[frozenset[str]] = ACCEPTED
    """The media types of which a client must accept one."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.authenticators = [each() for each in cls.authentication_classes]
        cls.permissions = [each() for each in cls.permission_classes]

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return one instance of each authentication class, shared by all requests: they have no state."""
        return self.authenticators

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Negotiate, authenticate, permit, throttle and handle a request; return a problem for any exception."""
        api_request = ApiRequest(request)
        self.request, self.args, self.kwargs = api_request, args, kwargs  # type: ignore[assignment]
        self.format_kwarg = None
        api_request.first_reads = partial(type(self).first_reads, **kwargs)
        try:
            self.admit(api_request)
            handler = getattr(self, (request.method or "").lower(), None)
            if handler is None or (request.method or "").lower() not in self.http_method_names:
                raise exceptions.MethodNotAllowed(request.method or "")
            answer = handler(api_request, *args, **own_ids(api_request.auth, kwargs))
        except Exception as error:
            answer = problem_details.of_failure(error)
        response = answer if isinstance(answer, HttpResponseBase) else response_of(answer)
        self.finish(api_request, response)
        if response.status_code == 405:
            response["Allow"] = ", ".join(self.allowed_methods)
        # View.setup() binds `head` to the view. This reference cycle would keep the body until a garbage collection.
        self.__dict__.pop("head", None)
        return response

    def admit(self, request: ApiRequest) -> None:
        """Raise the exception that keeps this caller from this endpoint: 406, 401, 403 or 429."""
        _negotiate(request, self.accepted)
        self.identify(request)
        for permission in self.permissions:
            if not permission.has_permission(request, self):
                if self.authenticators and request.auth is None:
                    raise exceptions.NotAuthenticated
                raise exceptions.PermissionDenied(getattr(permission, "message", None))
        for throttle in self.throttle_classes:
            limit = throttle()
            if not limit.allow_request(request, self):  # type: ignore[arg-type]
                raise exceptions.Throttled(limit.wait())

    def identify(self, request: ApiRequest) -> None:
        """Set the caller on the request, found by the first authenticator that accepts the credentials."""
        for authenticator in self.authenticators:
            found = authenticator.authenticate(request)  # type: ignore[arg-type]
            if found is not None:
                request.user, request.auth = found
                return

    @classmethod
    def first_reads(cls, **kwargs: Any) -> Sequence[Wanted]:
        """Return the rows that the handlers need first, to be read together with the caller; `kwargs` from the path."""
        return ()

    def get_paginated_response(self, data: Any) -> Answer:  # type: ignore[override]
        """Return the page as an answer; see core.api.pagination."""
        answer: Answer = super().get_paginated_response(data)  # type: ignore[assignment]
        return answer

    def finish(self, request: ApiRequest, response: HttpResponseBase) -> None:
        """Hook for subclasses, called when the response is complete."""


def _negotiate(request: ApiRequest, accepted: frozenset[str]) -> None:
    """Raise NotAcceptable unless the client accepts what the endpoint answers, or problems.

    A client that accepts problems alone gets a success in the usual form all the same.
    """
    accept = request.META.get("HTTP_ACCEPT")
    if accept is None or accept in accepted or not accept.strip():
        return
    ranges = {each.partition(";")[0].strip().lower(): _ZERO_QUALITY.search(each) is None for each in accept.split(",")}
    accepts_json = next((ranges[name] for name in _BY_SPECIFICITY if name in ranges), False)
    if not accepts_json and not any(ranges.get(name) for name in accepted - ACCEPTED | {problem_details.CONTENT_TYPE}):
        raise exceptions.NotAcceptable

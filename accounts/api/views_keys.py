"""Views of API keys, for administrators."""

import uuid

from drf_spectacular.utils import extend_schema

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row, scoped
from accounts.api.serializers_keys import ApiKeySerializer, NewApiKeySerializer
from accounts.audit.read_trail import attributed
from accounts.auth import api_keys, recent_sign_in
from accounts.models import ApiKey
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.filters import PagedQuerySerializer
from core.api.pagination import Pages
from core.api.request import ApiRequest
from core.errors import NotFound


class ApiKeysView(Endpoint):
    """api-keys/"""

    capability = "api_keys.manage"
    pagination_class = Pages

    @extend_schema(parameters=[PagedQuerySerializer], responses=ApiKeySerializer(many=True), tags=["Access"])
    def get(self, request: ApiRequest) -> Answer:
        """List the keys of hospital systems, without their secrets"""
        PagedQuerySerializer.read(request)
        keys = scoped(ApiKey.objects.all(), principal_of(request))
        page = self.paginate_queryset(keys.order_by("-created_at", "-pk"))
        return self.get_paginated_response(ApiKeySerializer(page, many=True).data)

    @extend_schema(request=ApiKeySerializer, responses={201: NewApiKeySerializer}, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Create a key, shown once; requires a recent sign-in"""
        recent_sign_in.require_recent_sign_in(request)
        form = ApiKeySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        principal, fields = principal_of(request), dict(form.validated_data)
        facility_id = facility_of_new_row(principal, fields.pop("facility_id", None))
        with attributed(request):
            key, text = api_keys.make_key(facility_id=facility_id, created_by_id=principal.id, **fields)
        return Answer(201, {**ApiKeySerializer(key).data, "key": text})


class ApiKeyView(Endpoint):
    """api-keys/{id}/"""

    capability = "api_keys.manage"

    @extend_schema(responses=ApiKeySerializer, tags=["Access"])
    def get(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Read a key, without its secret"""
        return Answer(200, ApiKeySerializer(_key(request, pk)).data)

    @extend_schema(responses={204: None}, tags=["Access"])
    def delete(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Revoke a key permanently"""
        key = _key(request, pk)
        with attributed(request):
            api_keys.revoke_key(key_id=key.pk)
        return Answer(204)


def _key(request: ApiRequest, pk: uuid.UUID) -> ApiKey:
    key = scoped(ApiKey.objects.all(), principal_of(request)).filter(pk=pk).first()
    if key is None:
        raise NotFound
    return key

"""Views of API keys, for administrators."""

import uuid

from drf_spectacular.utils import extend_schema

from accounts.access.principal import principal_of
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
        page = self.paginate_queryset(ApiKey.objects.order_by("-created_at", "-pk"))
        return self.get_paginated_response(ApiKeySerializer(page, many=True).data)

    @extend_schema(request=ApiKeySerializer, responses={201: NewApiKeySerializer}, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Create a key, shown once; requires a recent sign-in"""
        recent_sign_in.require_recent_sign_in(request)
        form = ApiKeySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with attributed(request):
            key, text = api_keys.make_key(created_by_id=principal_of(request).id, **form.validated_data)
        return Answer(201, {**ApiKeySerializer(key).data, "key": text})


class ApiKeyView(Endpoint):
    """api-keys/{id}/"""

    capability = "api_keys.manage"

    @extend_schema(responses=ApiKeySerializer, tags=["Access"])
    def get(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Read a key, without its secret"""
        key = ApiKey.objects.filter(pk=pk).first()
        if key is None:
            raise NotFound
        return Answer(200, ApiKeySerializer(key).data)

    @extend_schema(responses={204: None}, tags=["Access"])
    def delete(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Revoke a key permanently"""
        with attributed(request):
            if not api_keys.revoke_key(key_id=pk) and not ApiKey.objects.filter(pk=pk).exists():
                raise NotFound
        return Answer(204)

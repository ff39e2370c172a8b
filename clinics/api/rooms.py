"""rooms/: the consulting rooms of a facility."""

from functools import partial
from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row, scoped
from clinics.models import Room
from clinics.rooms import create_room, delete_room, update_room
from core.api.answers import Answer
from core.api.commands import write_rows
from core.api.endpoint import Endpoint
from core.api.fields import VisibleCharField
from core.api.filters import PagedQuerySerializer
from core.api.openapi import problems
from core.api.request import ApiRequest
from core.api.serializers import StrictBooleanField, StrictCharField, StrictModelSerializer
from core.errors import NotFound

TAGS = ["Register"]
_CODE = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9-]{0,15}\Z", "Use letters A-Z, digits and dashes.", code="invalid")
_NEW_ROOM = OpenApiExample("Room 4", request_only=True, value={"name": "Room 4", "code": "R4"})


class RoomSerializer(StrictModelSerializer):
    """A consulting room of a facility."""

    name = VisibleCharField(max_length=100)
    code = StrictCharField(
        max_length=16, validators=[_CODE], help_text="Letters, digits and dashes; unique in the facility."
    )
    is_active = StrictBooleanField(required=False, help_text="false: no slot gets this room any more.")

    class Meta:
        example = {"id": "0192e0c5-6b1a-7c3e-9fef-2b6d3a2c4e5f", "name": "Room 4", "code": "R4", "is_active": True}
        model = Room
        fields = ("id", "name", "code", "is_active")
        read_only_fields = ("id",)
        validators = ()  # the database decides whether a code is in use


class RoomFilters(PagedQuerySerializer):
    """The filters of the list of rooms."""

    is_active = serializers.BooleanField(required=False)


def _room(room: Room, *, status: int = 200) -> Answer:
    return Answer(status, RoomSerializer(room).data)


def _rooms(request: ApiRequest) -> QuerySet[Room]:
    return scoped(Room.objects.all(), principal_of(request))


def _fields(request: ApiRequest, *, partly: bool = False) -> dict[str, Any]:
    body = RoomSerializer(data=request.data, partial=partly)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


@extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="rooms_list",
        summary="List the rooms",
        parameters=[RoomFilters],
        responses={200: RoomSerializer(many=True)},
    ),
    post=extend_schema(
        tags=TAGS,
        operation_id="rooms_create",
        summary="Add a room",
        request=RoomSerializer,
        responses={201: RoomSerializer},
        examples=[_NEW_ROOM],
    ),
)
class RoomListView(Endpoint):
    """The rooms, by code."""

    capabilities = {"GET": "rooms.read", "POST": "rooms.write"}
    queryset = Room.objects.none()
    serializer_class = RoomSerializer

    def get(self, request: ApiRequest) -> Answer:
        filters = RoomFilters.read(request)
        rooms = _rooms(request)
        if "is_active" in filters:
            rooms = rooms.filter(is_active=filters["is_active"])
        page = self.paginate_queryset(rooms)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: ApiRequest) -> Answer:
        work = partial(create_room, facility_id=facility_of_new_row(principal_of(request), None), **_fields(request))
        return write_rows(request, work, partial(_room, status=201))


@extend_schema_view(
    get=extend_schema(tags=TAGS, operation_id="rooms_read", summary="Read a room"),
    patch=extend_schema(
        tags=TAGS,
        operation_id="rooms_change",
        summary="Change a room",
        description="Patients who are called after the change are called to the new name.",
        examples=[OpenApiExample("Under repair", request_only=True, value={"is_active": False})],
    ),
    delete=extend_schema(
        tags=TAGS,
        operation_id="rooms_delete",
        summary="Remove a room that no slot refers to",
        responses={204: None, **problems("in-use")},
    ),
)
class RoomView(Endpoint):
    """One room."""

    capabilities = {"GET": "rooms.read", "PATCH": "rooms.write", "DELETE": "rooms.write"}
    queryset = Room.objects.none()
    serializer_class = RoomSerializer

    def get(self, request: ApiRequest, room_id: UUID) -> Answer:
        room = _rooms(request).filter(pk=room_id).first()
        if room is None:
            raise NotFound
        return _room(room)

    def patch(self, request: ApiRequest, room_id: UUID) -> Answer:
        work = partial(
            update_room,
            room_id=room_id,
            changes=_fields(request, partly=True),
            within=principal_of(request).facility_id,
        )
        return write_rows(request, work, _room)

    def delete(self, request: ApiRequest, room_id: UUID) -> Answer:
        return write_rows(
            request,
            partial(delete_room, room_id=room_id, within=principal_of(request).facility_id),
            lambda nothing: Answer(204),
        )

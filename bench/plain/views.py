"""The views of PLAIN."""

from django.http import HttpResponse
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.plain import services
from bench.plain.models import Slot, Token, WaitlistEntry
from bench.plain.serializers import (
    BookingSerializer,
    EmergencySerializer,
    SlotSerializer,
    TokenSerializer,
    WaitlistSerializer,
)


class SlotViewSet(viewsets.ModelViewSet):
    queryset = Slot.objects.select_related("doctor").order_by("start_time")
    serializer_class = SlotSerializer

    @action(detail=True)
    def tokens(self, request, pk=None):
        queue = Token.objects.filter(slot_id=pk, status__in=services.QUEUED)
        queue = queue.select_related("patient", "slot__doctor").order_by("priority", "created_at")
        return Response(TokenSerializer(queue, many=True).data)

    @action(detail=True, methods=["put"])
    def delay(self, request, pk=None):
        slot, affected, tokens = services.delay(pk, int(request.data["delay_minutes"]))
        changed = [{"id": str(each.pk), "delay_minutes": each.delay_minutes} for each in affected]
        return Response({"slot": SlotSerializer(slot).data, "affected_slots": changed, "affected_tokens": tokens})

    @action(detail=True, methods=["post"])
    def call_next(self, request, pk=None):
        return Response(TokenSerializer(services.call_next(pk)).data)


class TokenViewSet(viewsets.ModelViewSet):
    queryset = Token.objects.select_related("patient", "slot__doctor").order_by("created_at")
    serializer_class = TokenSerializer

    def create(self, request):
        wanted = BookingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        made = services.book(data["slot_id"], data["patient_id"], data["category"])
        if isinstance(made, WaitlistEntry):
            body = {"outcome": "WAITLISTED", "waiting_list_entry": WaitlistSerializer(made).data}
            return Response(body, status=status.HTTP_202_ACCEPTED)
        return Response(TokenSerializer(made).data, status=status.HTTP_201_CREATED)

    def destroy(self, request, pk=None):
        token, promoted = services.cancel(pk)
        return Response({"token": TokenSerializer(token).data, "promoted": [str(each.pk) for each in promoted]})

    @action(detail=False, methods=["post"])
    def emergency(self, request):
        wanted = EmergencySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        token, pushed, count = services.emergency(wanted.validated_data["slot_id"], wanted.validated_data["patient_id"])
        affected = [
            {"id": str(each.pk), "token_number": each.token_number, "estimated_time": each.estimated_time}
            for each in pushed
        ]
        body = {"token": TokenSerializer(token).data, "affected_tokens": affected, "affected_count": count}
        return Response(body, status=status.HTTP_201_CREATED)


class EmptyView(APIView):
    def get(self, request):
        return Response({})


def live(request):
    return HttpResponse("ok")

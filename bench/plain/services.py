"""The operations of PLAIN, each with a lock in Redis, a transaction and a row lock."""

from datetime import timedelta
from decimal import Decimal
from functools import cache

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.exceptions import APIException, NotFound

from bench.plain.models import Slot, Token, WaitlistEntry

BASE = {"EMERGENCY": 1, "PRIORITY_PAID": 2, "FOLLOWUP": 3, "ONLINE": 4, "WALKIN": 5}
QUEUED = ["CONFIRMED", "CHECKED_IN"]
MINUTES = 10


class Conflict(APIException):
    status_code = 409


@cache
def client():
    return redis.Redis.from_url(settings.REDIS_URL)


def lock(slot_id):
    return client().lock(f"slot:{slot_id}", timeout=10)


def priority_of(category, slot):
    hours = max(Decimal(0), Decimal((slot.start_time - timezone.now()).total_seconds()) / 3600)
    bonus = min(Decimal("0.90"), hours * Decimal("0.10"))
    return (BASE[category] - (0 if category == "EMERGENCY" else bonus)).quantize(Decimal("0.01"))


def book(slot, patient, category):
    with lock(slot.pk), transaction.atomic():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("doctor").get(pk=slot.pk)
        if slot.status not in ("ACTIVE", "DELAYED"):
            raise Conflict("slot-not-open")
        if Token.objects.filter(slot=slot, patient=patient, status__in=QUEUED).exists():
            raise Conflict("duplicate-booking")
        priority = priority_of(category, slot)
        if slot.current_capacity >= slot.max_capacity:
            return WaitlistEntry.objects.create(slot=slot, patient=patient, category=category, priority=priority)
        return _issue(slot, patient, category, priority)


def _issue(slot, patient, category, priority):
    number = Token.objects.filter(slot=slot, status__in=QUEUED).count() + 1
    token = Token.objects.create(
        slot=slot,
        patient=patient,
        category=category,
        priority=priority,
        token_number=number,
        estimated_time=slot.start_time + timedelta(minutes=slot.delay_minutes + MINUTES * (number - 1)),
    )
    slot.current_capacity += 1
    slot.save()
    return token


def emergency(slot, patient):
    with lock(slot.pk), transaction.atomic():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("doctor").get(pk=slot.pk)
        pushed = Token.objects.filter(slot=slot, status__in=QUEUED)
        count = pushed.update(
            token_number=F("token_number") + 1, estimated_time=F("estimated_time") + timedelta(minutes=MINUTES)
        )
        token = Token.objects.create(
            slot=slot,
            patient=patient,
            category="EMERGENCY",
            priority=1,
            token_number=1,
            status="CHECKED_IN",
            estimated_time=slot.start_time + timedelta(minutes=slot.delay_minutes),
        )
        slot.current_capacity += 1
        slot.save()
        return token, list(pushed.exclude(pk=token.pk).order_by("token_number")[:50]), count


def cancel(pk):
    slot_id = Token.objects.filter(pk=pk).values_list("slot_id", flat=True).first()
    if slot_id is None:
        raise NotFound
    with lock(slot_id), transaction.atomic():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("doctor").get(pk=slot_id)
        token = Token.objects.select_related("patient").get(pk=pk)
        if token.status not in QUEUED:
            raise Conflict("invalid-transition")
        token.slot = slot
        token.status = "CANCELLED"
        token.save()
        Token.objects.filter(slot=slot, status__in=QUEUED, token_number__gt=token.token_number).update(
            token_number=F("token_number") - 1, estimated_time=F("estimated_time") - timedelta(minutes=MINUTES)
        )
        slot.current_capacity -= 1
        slot.save()
        promoted = []
        waiting = WaitlistEntry.objects.select_related("patient").filter(slot=slot, status="WAITING")
        entry = waiting.order_by("priority", "created_at").first()
        if entry is not None and slot.current_capacity < slot.max_capacity:
            promoted.append(_issue(slot, entry.patient, entry.category, entry.priority))
            entry.status = "PROMOTED"
            entry.save()
        return token, promoted


def call_next(slot_id):
    with lock(slot_id), transaction.atomic():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("doctor").filter(pk=slot_id).first()
        if slot is None:
            raise NotFound
        waiting = Token.objects.select_related("patient").filter(slot=slot, status="CHECKED_IN")
        token = waiting.order_by("priority", "created_at").first()
        if token is None:
            raise Conflict("queue-empty")
        token.slot = slot
        token.status = "CALLED"
        token.save()
        Token.objects.filter(slot=slot, status__in=QUEUED, token_number__gt=token.token_number).update(
            token_number=F("token_number") - 1
        )
        return token


def delay(slot_id, minutes):
    with lock(slot_id), transaction.atomic():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("doctor").filter(pk=slot_id).first()
        if slot is None:
            raise NotFound
        day = timezone.localdate(slot.start_time)
        later = Slot.objects.select_for_update(of=("self",)).filter(
            doctor_id=slot.doctor_id, start_time__gte=slot.start_time, start_time__date=day
        )
        ends, affected, tokens = None, [], 0
        for each in later.order_by("start_time"):
            forced = 0 if ends is None else max(0, int((ends - each.start_time).total_seconds() // 60))
            wanted = max(minutes if each.pk == slot.pk else 0, forced)
            change = wanted - each.delay_minutes
            if change:
                each.delay_minutes = wanted
                each.status = "DELAYED" if wanted else "ACTIVE"
                each.save()
                affected.append(each)
                tokens += Token.objects.filter(slot=each, status__in=QUEUED).update(
                    estimated_time=F("estimated_time") + timedelta(minutes=change)
                )
            ends = each.end_time + timedelta(minutes=each.delay_minutes)
        slot.refresh_from_db()
        return slot, affected, tokens

"""Slots, tokens, waiting-list entries and events in the admin site: read-only, with actions that call the service."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.scoped_admin import ScopedAdmin, ScopedRelatedFilter
from clinics.models import Slot
from core.errors import EngineError
from events.models import Event
from tokens.models import Token
from tokens.services import TokenAllocationService
from waitlist.models import WaitlistEntry

service = TokenAllocationService()


class ReadOnlyWithActions(ScopedAdmin):
    """A read-only list of rows, with actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def act_on(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], Any]) -> None:
        """Call `act` for each row, and show the error of each row that was refused."""
        done = 0
        for row in rows:
            try:
                act(row)
                done += 1
            except EngineError as refusal:
                self.message_user(request, f"{row}: {refusal.title()}. {refusal.detail}", messages.WARNING)
        if done:
            self.message_user(request, f"Done: {done}.", messages.SUCCESS)


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


class DelayForm(ActionForm):
    """The field in which the action "Set the delay" takes the minutes."""

    delay_minutes = forms.IntegerField(required=False, min_value=0, max_value=1440, label="Delay (minutes)")


@admin.register(Slot)
class SlotAdmin(ReadOnlyWithActions):
    """Slots, with their counters."""

    list_display = (
        "ticket_prefix",
        "local_date",
        "doctor",
        "start_time",
        "end_time",
        "status",
        "delay_minutes",
        "seats",
    )
    list_filter = ("local_date", "status", ("doctor", ScopedRelatedFilter))
    search_fields = ("=id", "ticket_prefix", "doctor__name")
    list_select_related = ("doctor",)
    actions = ("set_delay", "cancel_slots")
    action_form = DelayForm

    @admin.display(description="seats held")
    def seats(self, slot: Slot) -> str:
        """The seats held of all seats, and the number of waiting-list entries."""
        return f"{slot.current_capacity}/{slot.max_capacity} (+{slot.waiting_count})"

    @admin.action(description="Set the delay (minutes at the right)", permissions=["view"])
    def set_delay(self, request: HttpRequest, slots: QuerySet[Slot]) -> None:
        """Set the doctor's own delay of the chosen slots; it cascades through the day."""
        form = DelayForm(request.POST)
        form.fields["action"].choices = [(request.POST.get("action", ""), "")]  # type: ignore[attr-defined]
        if not form.is_valid() or form.cleaned_data["delay_minutes"] is None:
            self.message_user(request, "Enter the delay in minutes, 0 to 1440.", messages.ERROR)
            return
        minutes = form.cleaned_data["delay_minutes"]
        self.act_on(
            request,
            slots,
            lambda slot: service.delay_slot(slot_id=slot.id, delay_minutes=minutes, actor=_actor(request)),
        )

    @admin.action(description="Cancel the slots with their tokens", permissions=["view"])
    def cancel_slots(self, request: HttpRequest, slots: QuerySet[Slot]) -> None:
        """Cancel the chosen slots with their tokens."""
        self.act_on(request, slots, lambda slot: service.cancel_slot(slot_id=slot.id, actor=_actor(request)))


@admin.register(Token)
class TokenAdmin(ReadOnlyWithActions):
    """Tokens of all slots."""

    list_display = ("ticket", "local_date", "slot", "category", "priority", "acuity", "status", "created_at")
    list_filter = ("local_date", "status", "category")
    search_fields = ("=id", "ticket", "=patient__id")
    list_select_related = ("slot",)
    actions = ("cancel_tokens", "mark_no_show")

    @admin.action(description="Cancel the tokens", permissions=["view"])
    def cancel_tokens(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        """Cancel the chosen tokens; their seats go to the waiting lists."""
        self.act_on(request, tokens, lambda token: service.cancel(token_id=token.id, actor=_actor(request)))

    @admin.action(description="Mark as no-show", permissions=["view"])
    def mark_no_show(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        """Mark the patients of the chosen tokens as missing; their grace begins."""
        self.act_on(request, tokens, lambda token: service.no_show(token_id=token.id, actor=_actor(request)))


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyWithActions):
    """Waiting-list entries of all slots."""

    list_display = ("id", "slot", "category", "priority", "arrival", "status", "created_at")
    list_filter = ("local_date", "status", "category")
    search_fields = ("=id", "=patient__id")
    list_select_related = ("slot",)


@admin.register(Event)
class EventAdmin(ReadOnlyWithActions):
    """The event log."""

    list_display = ("seq", "at", "type", "slot_id", "token_id", "actor")
    list_filter = ("type",)
    search_fields = ("=slot_id", "=token_id", "=actor")
    show_full_result_count = False

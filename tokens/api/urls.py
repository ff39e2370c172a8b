"""The URLs of slots, tokens, waiting lists and events, and of one facility or doctor."""

from django.urls import path

from tokens.api import actions, clinics, events, slot_tokens, slots, tokens, waiting_list

urlpatterns = [
    path("facilities/<id:facility_id>/", clinics.FacilityView.as_view(), name="facility-detail"),
    path("doctors/<id:doctor_id>/", clinics.DoctorView.as_view(), name="doctor-detail"),
    path("slots/", slots.SlotListView.as_view(), name="slot-list"),
    path("slots/bulk/", slots.BulkSlotsView.as_view(), name="slot-bulk"),
    path("slots/cancel/", slots.CancelSlotsView.as_view(), name="slot-cancel-range"),
    path("slots/<id:slot_id>/", slots.SlotView.as_view(), name="slot-detail"),
    path("slots/<id:slot_id>/delay/", slots.DelaySlotView.as_view(), name="slot-delay"),
    path("slots/<id:slot_id>/cancel/", slots.CancelSlotView.as_view(), name="slot-cancel"),
    path("slots/<id:slot_id>/close/", slots.CloseSlotView.as_view(), name="slot-close"),
    path("slots/<id:slot_id>/call_next/", slots.CallNextView.as_view(), name="slot-call-next"),
    path("slots/<id:slot_id>/tokens/", slot_tokens.SlotTokensView.as_view(), name="slot-tokens"),
    path("tokens/", tokens.TokenListView.as_view(), name="token-list"),
    path("tokens/emergency/", tokens.EmergencyView.as_view(), name="token-emergency"),
    path("tokens/<id:token_id>/", tokens.TokenView.as_view(), name="token-detail"),
    path("tokens/<id:token_id>/explain/", tokens.ExplainView.as_view(), name="token-explain"),
    path("tokens/<id:token_id>/confirm/", actions.ConfirmView.as_view(), name="token-confirm"),
    path("tokens/<id:token_id>/check_in/", actions.CheckInView.as_view(), name="token-check-in"),
    path("tokens/<id:token_id>/call/", actions.CallView.as_view(), name="token-call"),
    path("tokens/<id:token_id>/recall/", actions.RecallView.as_view(), name="token-recall"),
    path("tokens/<id:token_id>/start/", actions.StartView.as_view(), name="token-start"),
    path("tokens/<id:token_id>/complete/", actions.CompleteView.as_view(), name="token-complete"),
    path("tokens/<id:token_id>/requeue/", actions.RequeueView.as_view(), name="token-requeue"),
    path("tokens/<id:token_id>/skip/", actions.SkipView.as_view(), name="token-skip"),
    path("tokens/<id:token_id>/step_out/", actions.StepOutView.as_view(), name="token-step-out"),
    path("tokens/<id:token_id>/step_in/", actions.StepInView.as_view(), name="token-step-in"),
    path("tokens/<id:token_id>/no_show/", actions.NoShowView.as_view(), name="token-no-show"),
    path("tokens/<id:token_id>/reinstate/", actions.ReinstateView.as_view(), name="token-reinstate"),
    path("tokens/<id:token_id>/triage/", actions.TriageView.as_view(), name="token-triage"),
    path("waiting-list/", waiting_list.WaitingListView.as_view(), name="waiting-list"),
    path("waiting-list/by_slot/", waiting_list.WaitingListBySlotView.as_view(), name="waiting-list-by-slot"),
    path("waiting-list/<id:entry_id>/", waiting_list.WaitingListEntryView.as_view(), name="waiting-list-entry"),
    path("events/", events.EventListView.as_view(), name="event-list"),
]

"""A finished request is freed at once, without a garbage collection: its body may be large."""

import gc

from django.test import RequestFactory

from tokens.api.slot_tokens import SlotTokensView
from tokens.api.tokens import TokenListView


def test_a_request_leaves_no_reference_cycle() -> None:
    post = RequestFactory().post("/", data=b"{}", content_type="application/json")
    get = RequestFactory().get("/")

    def ask() -> list[int]:
        views = [TokenListView.as_view()(post), SlotTokensView.as_view()(get, slot_id=None)]
        return [response.status_code for response in views]

    assert ask() == [401, 401]
    gc.collect()
    gc.disable()
    try:
        ask()
        assert gc.collect() == 0
    finally:
        gc.enable()

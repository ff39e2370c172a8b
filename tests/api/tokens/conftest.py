"""Both lanes of the desk."""

from typing import Any

import pytest

from tokens.api import express, lanes


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request that the express lane knows, whether it answered it."""
    taken: list[bool] = []
    lane = express.ExpressLane.__call__

    def noted(self: Any, request: Any) -> Any:
        response = lane(self, request)
        if express.find(request.method, request.path_info) is not None:
            taken.append(isinstance(request.resolver_match, lanes.Taken))
        return response

    monkeypatch.setattr(express.ExpressLane, "__call__", noted)
    return taken

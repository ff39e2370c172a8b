"""Both lanes of the desk."""

from typing import Any

import pytest

from tokens.api import express


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request that the express lane knows, whether it took it."""
    taken: list[bool] = []
    take = express._take

    def noted(request: Any) -> Any:
        found = take(request)
        if express.find(request.method, request.path_info) is not None:
            taken.append(found is not None)
        return found

    monkeypatch.setattr(express, "_take", noted)
    return taken

"""docs/lifecycle.md matches the lifecycle table."""

from docs.render_lifecycle import PAGE, page
from tokens.policy.lifecycle import MOVES, Status


def test_the_page_is_what_the_table_of_moves_renders() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m docs.render_lifecycle`"


def test_the_page_shows_every_move_and_every_state() -> None:
    text = page()
    for action, move in MOVES.items():
        assert f"| {action} | " in text
        assert f"`{move.event}`" in text
    for status in Status:
        assert f"| {status} | " in text

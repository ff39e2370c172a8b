"""Render docs/lifecycle.md from the table of moves: `python -m docs.render_lifecycle`."""

from collections.abc import Iterator
from pathlib import Path

from tokens.policy.lifecycle import LIVE, MOVES, QUEUED, SEATED, UNDOABLE, Action, Move, Status

PAGE = Path(__file__).with_name("lifecycle.md")

HEAD = """\
# The states of a token

This page is generated from `tokens/policy/lifecycle.py` by `python -m docs.render_lifecycle`; a test fails when the two
differ. Any move that is not in the table is refused with 409 `invalid-transition` and changes nothing.
"""

AFTER_STATES = """\
A NO_SHOW token is live and holds its seat only during its grace; only then can it be reinstated, or cancelled with its
slot.
"""


def page() -> str:
    """Return the page as rendered from the table of moves."""
    parts = [
        HEAD,
        "## Diagram\n",
        _diagram(),
        "## Moves\n",
        _moves(),
        "## States\n",
        _states(),
    ]
    return "\n".join([*parts, AFTER_STATES, _undo()])


def _diagram() -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for action, source, move in _rows():
        arrows.setdefault((source or "[*]", move.target), []).append(action)
    lines = [f"    {source} --> {target}: {', '.join(actions)}" for (source, target), actions in arrows.items()]
    ends = [status for status in Status if not any(source == status for _, source, _ in _rows())]
    lines += [f"    {status} --> [*]" for status in ends]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _rows() -> Iterator[tuple[Action, Status | None, Move]]:
    for action, move in MOVES.items():
        sources: list[Status | None] = [*_in_order(move.sources)]
        for source in sources or [None]:
            yield action, source, move


def _moves() -> str:
    lines = ["| action | from | to | event | meaning |", "|---|---|---|---|---|"]
    for action, move in MOVES.items():
        sources = ", ".join(_in_order(move.sources)) or "(new)"
        lines.append(f"| {action} | {sources} | {move.target} | `{move.event}` | {move.meaning} |")
    return "\n".join([*lines, ""])


def _states() -> str:
    lines = ["| state | in the queue | live | holds a seat |", "|---|---|---|---|"]
    for status in Status:
        in_grace = "in its grace" if status is Status.NO_SHOW else "no"
        queued, live, seated = status in QUEUED, status in LIVE, status in SEATED
        lines.append(f"| {status} | {_word(queued, 'no')} | {_word(live, in_grace)} | {_word(seated, in_grace)} |")
    return "\n".join([*lines, ""])


def _undo() -> str:
    actions = ", ".join(sorted(UNDOABLE))
    return f"""\
## Undo

For `undo_seconds` after it, the last action on a token can be undone if it is one of these: {actions}. The event
`token.undone` names the event that it undoes, and the token is as it was before. An undo cannot be undone.
"""


def _word(holds: bool, otherwise: str) -> str:
    return "yes" if holds else otherwise


def _in_order(states: frozenset[Status]) -> list[Status]:
    return [status for status in Status if status in states]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

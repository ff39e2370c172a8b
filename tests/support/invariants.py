"""`manage.py check_invariants` as an assertion."""

import io

from django.core.management import CommandError, call_command


def assert_invariants_hold() -> None:
    """Fail with every violation that the engine's own check finds."""
    out, err = io.StringIO(), io.StringIO()
    refusal = ""
    try:
        call_command("check_invariants", stdout=out, stderr=err)
    except (SystemExit, CommandError) as stop:
        refusal = "" if isinstance(stop, SystemExit) and stop.code in (None, 0) else str(stop)
    assert not refusal, f"invariants are broken:\n{out.getvalue()}{err.getvalue()}{refusal}"

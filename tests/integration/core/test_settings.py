"""Invalid settings are refused at start-up."""

import json
import os
import secrets
import subprocess
import sys

import pytest

GOOD = {
    "OPD_SECRET_KEY": secrets.token_urlsafe(64),
    "OPD_ALLOWED_HOSTS": "opd.hospital.example",
    "DATABASE_URL": "postgres://opd:s3cret@db/opd",
    "REDIS_URL": "redis://redis:6379/0",
}


def start(profile: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load a settings profile in a separate process with only these engine variables in the environment."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH", "LANG"}}
    command = [sys.executable, "-c", f"import config.settings.{profile} as s; {code}"]
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True)


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH", "LANG"}}
    return subprocess.run(
        [sys.executable, "manage.py", *words], env={**kept, **environment}, capture_output=True, text=True
    )


def test_production_starts_with_everything_set_and_is_clean() -> None:
    done = manage(
        "check", "--deploy", "--fail-level", "INFO", DJANGO_SETTINGS_MODULE="config.settings.production", **GOOD
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPD_SECRET_KEY", ""),
        ("OPD_SECRET_KEY", "short"),
        ("OPD_SECRET_KEY", "local-only-" + "0" * 60),
        ("OPD_ALLOWED_HOSTS", ""),
        ("OPD_ALLOWED_HOSTS", "*"),
        ("DATABASE_URL", ""),
        ("REDIS_URL", ""),
        ("OPD_LOCK_LEASE_SECONDS", "0"),
        ("OPD_HOLD_SECONDS", "-1"),
        ("OPD_HOLD_SECONDS", "nan"),
        ("OPD_BUFFER_MINUTES", "ten"),
        ("OPD_TRANSACTION_SECONDS", "5"),
        ("OPD_SKIP_PLACES", "0"),
        ("OPD_SKIP_PLACES", "2.5"),
        ("OPD_KIOSK_PRESENCE", "perhaps"),
        ("OPD_REMINDER_HOURS", "24,soon"),
        ("OPD_REMINDER_HOURS", "[24, 2"),
        ("OPD_QUIET_HOURS", "21:00"),
        ("OPD_LANGUAGES", "english"),
        ("OPD_TIME_ZONE", "Mars/Olympus"),
        ("OPD_TIME_ZONE", "localtime"),
        ("OPD_PHONE_REGION", "India"),
        ("OPD_NUM_PROXIES", "-1"),
        ("OPD_INTERNAL_NETWORKS", "10.0.0.0/8,everywhere"),
        ("OPD_THROTTLING", "perhaps"),
    ],
)
def test_production_refuses_to_start(name: str, value: str) -> None:
    done = start("production", **{**GOOD, name: value})
    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr.splitlines()[-1]
    assert name in done.stderr.splitlines()[-1]
    assert GOOD["OPD_SECRET_KEY"] not in done.stderr.splitlines()[-1]


def test_every_setting_of_time_takes_decimals() -> None:
    given = {
        "OPD_HOLD_SECONDS": "0.5",
        "OPD_NO_SHOW_GRACE_MINUTES": "0.02",
        "OPD_BUFFER_MINUTES": "0.25",
        "OPD_SWEEP_SECONDS": "0.5",
        "OPD_LOCK_WAIT_SECONDS": "0.75",
        "OPD_LOCK_LEASE_SECONDS": "1.5",
    }
    done = start("local", f"print([getattr(s, name) for name in {list(given)!r}], s.OPD_THROTTLING)", **given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0.5, 0.02, 0.25, 0.5, 0.75, 1.5] True"


RULES = {
    "HOLD_SECONDS": 120,
    "NO_SHOW_GRACE_MINUTES": 15,
    "BUFFER_MINUTES": 10,
    "SKIP_PLACES": 3,
    "MAX_SKIPS": 3,
    "UNDO_SECONDS": 60,
    "HORIZON_DAYS": 28,
    "MIN_NOTICE_MINUTES": 0,
    "MAX_DAYS_AHEAD": 365,
    "CANCEL_CUTOFF_MINUTES": 0,
    "MAX_LIVE_PER_PATIENT": 20,
    "MAX_LIVE_PER_USER": 40,
    "FOLLOWUP_DAYS": 0,
    "FOLLOWUP_VISITS": 1,
    "SHARE_RELEASE_MINUTES": 60,
    "OFFER_MINUTES": 0,
    "CHECK_IN_OPENS_MINUTES": 60,
    "KIOSK_PRESENCE": False,
    "PAID_TIER_ENABLED": True,
    "EMERGENCY_REASON_REQUIRED": False,
    "REMINDER_HOURS": [24, 2],
    "QUIET_HOURS": ["21:00", "07:00"],
    "DELAY_NOTICE_MINUTES": 15,
    "LANGUAGES": ["en"],
}


def rules_read(**environment: str) -> dict[str, object]:
    done = start(
        "local", f"import json; print(json.dumps({{n: getattr(s, 'OPD_' + n) for n in {list(RULES)}}}))", **environment
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_defaults_of_the_rules_are_those_of_the_contract() -> None:
    assert rules_read() == RULES


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("UNDO_SECONDS", "0.5", 0.5),
        ("CHECK_IN_OPENS_MINUTES", "0.25", 0.25),
        ("HORIZON_DAYS", "60", 60),
        ("KIOSK_PRESENCE", "on", True),
        ("PAID_TIER_ENABLED", "false", False),
        ("REMINDER_HOURS", "48, 1.5", [48, 1.5]),
        ("REMINDER_HOURS", "[48, 1.5]", [48, 1.5]),
        ("REMINDER_HOURS", "[]", []),
        ("QUIET_HOURS", "22:00,06:30", ["22:00", "06:30"]),
        ("QUIET_HOURS", '["22:00", "06:30"]', ["22:00", "06:30"]),
        ("QUIET_HOURS", "[]", []),
        ("LANGUAGES", "hi,en", ["hi", "en"]),
        ("LANGUAGES", " ", ["en"]),
    ],
)
def test_a_rule_is_read_from_the_environment(name: str, text: str, value: object) -> None:
    assert rules_read(**{f"OPD_{name}": text}) == {**RULES, name: value}


def test_the_defaults_are_those_of_the_contract() -> None:
    names = "HOLD_SECONDS NO_SHOW_GRACE_MINUTES BUFFER_MINUTES SWEEP_SECONDS LOCK_WAIT_SECONDS LOCK_LEASE_SECONDS"
    done = start("local", f"print([getattr(s, 'OPD_' + n) for n in {names.split()!r}], s.OPD_TIME_ZONE, s.TIME_ZONE)")
    assert done.stdout.strip() == "[120.0, 15.0, 10.0, 10.0, 5.0, 5.0] Asia/Kolkata Asia/Kolkata"


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, "IN"),
        ({"OPD_TIME_ZONE": "Asia/Calcutta", "OPD_PHONE_REGION": ""}, "IN"),
        ({"OPD_TIME_ZONE": "Europe/Oslo"}, "NO"),
        ({"OPD_TIME_ZONE": "UTC"}, "None"),
        ({"OPD_TIME_ZONE": "Europe/Oslo", "OPD_PHONE_REGION": "se"}, "SE"),
    ],
)
def test_the_country_of_phones_follows_from_the_time_zone(given: dict[str, str], seen: str) -> None:
    assert start("local", "print(s.OPD_PHONE_REGION)", **given).stdout.strip() == seen


@pytest.mark.parametrize(("given", "seen"), [("off", "False"), ("on", "True"), ("0", "False")])
def test_throttling_can_be_switched_off(given: str, seen: str) -> None:
    assert start("local", "print(s.OPD_THROTTLING)", OPD_THROTTLING=given).stdout.strip() == seen


def test_the_database_works_behind_pgbouncer() -> None:
    done = start("local", "print(s.DATABASES['default']['OPTIONS'])", OPD_PGBOUNCER="on")
    assert "statement_timeout" not in done.stdout
    assert "'prepare_threshold': None" in done.stdout

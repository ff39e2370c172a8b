"""DEPLOYMENT.md documents every setting that the engine reads."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""(?:env(?:\.\w+)?\(|environ(?:\.get)?[\[(]|_?[a-z]+\(\s*)\s*["']((?:OPD_|DATABASE_|REPLICA_|REDIS_)[A-Z_]+)["']"""
)
OF_THE_DEMO = {"OPD_URL", "OPD_USERNAME", "OPD_PASSWORD"}


def settings_read() -> set[str]:
    files = [path for folder in ("config", "core", "devserver") for path in (ROOT / folder).rglob("*.py")]
    return {name for file in files for name in READ.findall(file.read_text())} - OF_THE_DEMO


def settings_told() -> set[str]:
    told: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", (ROOT / "DEPLOYMENT.md").read_text(), re.MULTILINE):
        first = ""
        for name in re.findall(r"`([A-Z_]+)`", row):
            first = first or name.rpartition("_")[0]
            told.add(first + name if name.startswith("_") else name)
    return told


def test_every_setting_is_documented() -> None:
    read = settings_read()
    assert len(read) > 25
    assert read - settings_told() == set()


def test_no_unused_setting_is_documented() -> None:
    mail = {name for name in settings_told() if name.startswith("OPD_EMAIL_")}  # read under names composed at run time
    assert settings_told() - settings_read() - mail == set()

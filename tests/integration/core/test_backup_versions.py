"""Backup and restore use client programs compatible with the server, and the owner's database role."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from devserver import EmbeddedPostgres
from devserver.binaries import postgres_installations
from devserver.postgres import APPLICATION, OWNER
from devserver.throwaway import throwaway

ROOT = Path(__file__).resolve().parents[3]
MAJORS = sorted({each.major for each in postgres_installations()})


def manage(*words: str, urls: dict[str, str]) -> str:
    environ = {**os.environ, **urls, "DJANGO_SETTINGS_MODULE": "config.settings.local"}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("major", MAJORS)
def test_a_backup_is_restored_on_every_server_version_of_this_machine(major: int, tmp_path: Path) -> None:
    with throwaway() as folder:
        server = EmbeddedPostgres(folder, fsync=False, major=major)
        server.start()
        try:
            urls = server.urls
            manage("migrate", "--verbosity", "0", urls=urls)
            manage("ensure_staff", "--credentials", str(tmp_path / "credentials"), urls=urls)
            manage("backup", str(tmp_path / "opd.dump"), urls=urls)
            assert "What was there before is kept" in manage(
                "restore", str(tmp_path / "opd.dump"), "--replace", urls=urls
            )
            with psycopg.connect(urls["DATABASE_URL"]) as application:
                assert application.info.server_version // 10_000 == major
                rights = "SELECT has_table_privilege('events_event', %s)"
                assert application.execute(rights, ["INSERT"]).fetchone() == (True,)
                assert application.execute(rights, ["UPDATE"]).fetchone() == (False,)
                assert application.execute("SELECT count(*) FROM accounts_user").fetchone() == (2,)
                owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'accounts_user'::regclass"
                assert application.execute(owner).fetchone() == (OWNER,)
                assert application.info.user == APPLICATION
        finally:
            server.stop()

"""The embedded PostgreSQL and Redis: start-up, crash recovery and clean-up."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from devserver import EmbeddedPostgres, EmbeddedRedis, SetupError, servers
from devserver.processes import identify, started_at, working_in
from devserver.state import State

Ask = Callable[..., object]
ROOT = Path(__file__).resolve().parents[2]


def processes_of(server: EmbeddedPostgres | EmbeddedRedis) -> list[int]:
    return working_in(folder=server.folder, programs=server.known_as)


def test_both_start_in_a_path_with_spaces_and_leave_nothing_running(folder: Path, ask: Ask) -> None:
    with servers(folder, fsync=False) as urls:
        assert ask(urls["DATABASE_URL"], "select current_database()") == "opd"
        assert redis.Redis.from_url(urls["REDIS_URL"]).ping()
        postgres, valkey = EmbeddedPostgres(folder), EmbeddedRedis(folder)
        assert processes_of(postgres)
        assert processes_of(valkey)
    assert not processes_of(postgres)
    assert not processes_of(valkey)


def test_data_ports_and_passwords_outlive_the_server(folder: Path, ask: Ask) -> None:
    with servers(folder, fsync=False) as first:
        ask(first["DATABASE_URL"], "create table kept as select 7 as seat")
    with servers(folder, fsync=False) as second:
        assert second == first
        assert ask(second["DATABASE_URL"], "select seat from kept") == 7


def test_connections_without_the_password_are_refused(folder: Path) -> None:
    with servers(folder, fsync=False) as urls:
        password = (folder / "postgres.password").read_text().strip()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(urls["DATABASE_URL"].replace(password, "guess"))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(
                urls["REDIS_URL"].split("@")[0].split(":")[0] + "://" + urls["REDIS_URL"].split("@")[1]
            ).ping()
    for name in ("postgres.password", "redis.password"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_two_run_at_once_in_two_data_folders(folder: Path, ask: Ask) -> None:
    with servers(folder / "one", fsync=False) as one, servers(folder / "two", fsync=False) as two:
        ask(one["DATABASE_URL"], "create table mine()")
        assert ask(two["DATABASE_URL"], "select to_regclass('mine')") is None


def test_a_second_owner_of_the_same_folder_is_refused(folder: Path) -> None:
    valkey = EmbeddedRedis(folder)
    valkey.start()
    try:
        with pytest.raises(SetupError, match="already running"):
            EmbeddedRedis(folder).start()
    finally:
        valkey.stop()


def test_a_committed_row_survives_kill_9_of_every_process(folder: Path, ask: Ask) -> None:
    postgres = EmbeddedPostgres(folder, fsync=False)
    postgres.start()
    ask(postgres.url, "create table kept as select 7 as seat")
    postgres.kill()
    assert not processes_of(postgres)
    postgres.start()
    try:
        assert ask(postgres.url, "select seat from kept") == 7
    finally:
        postgres.stop()


def test_a_stale_lock_file_with_the_number_of_a_stranger_is_no_obstacle(folder: Path, ask: Ask) -> None:
    postgres = EmbeddedPostgres(folder, fsync=False)
    postgres.start()
    postgres.kill()
    lock = postgres.folder / "postmaster.pid"
    lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]))
    stranger = identify(pid=os.getpid())
    State(folder).remember("postgres", stranger)
    State(folder).put("postgres", started="another day")
    postgres.start()
    assert ask(postgres.url, "select 1") == 1
    postgres.stop()


def test_what_a_killed_owner_left_running_is_ended_and_replaced(folder: Path, ask: Ask) -> None:
    left = EmbeddedPostgres(folder, fsync=False, die_with_parent=False)
    left.start()
    left._owner.release()  # as the end of the owning process does
    successor = EmbeddedPostgres(folder, fsync=False)
    successor.start()
    assert started_at(pid=left.pid) is None
    assert ask(successor.url, "select 1") == 1
    successor.stop()
    left._process.wait()  # type: ignore[union-attr]


def test_the_servers_die_with_the_process_that_started_them(folder: Path) -> None:
    code = (
        "import sys, time\nfrom devserver import servers\n"
        "with servers(sys.argv[1], fsync=False):\n print(1, flush=True)\n time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"1\n"
    postgres, valkey = EmbeddedPostgres(folder), EmbeddedRedis(folder)
    assert processes_of(postgres)
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 10
    while (processes_of(postgres) or processes_of(valkey)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_of(postgres)
    assert not processes_of(valkey)


def test_a_remembered_port_that_was_taken_is_replaced(folder: Path, ask: Ask) -> None:
    with servers(folder / "one", fsync=False) as one:
        taken = EmbeddedPostgres(folder / "one").port
        State(folder / "one").put("other", port=taken)
        second = EmbeddedPostgres(folder / "two", fsync=False)
        State(folder / "two").put("postgres", port=taken)
        second.start()
        assert second.port != taken
        assert ask(second.url, "select 1") == 1
        second.stop()
        assert ask(one["DATABASE_URL"], "select 1") == 1


def test_ports_lie_below_those_the_system_hands_out(folder: Path) -> None:
    valkey = EmbeddedRedis(folder)
    valkey.start()
    assert 1024 < valkey.port < 32_768
    valkey.stop()


def test_a_frozen_redis_answers_nothing_and_goes_on_when_resumed(folder: Path) -> None:
    valkey = EmbeddedRedis(folder)
    valkey.start()
    client = redis.Redis.from_url(valkey.url, socket_timeout=0.3, retry=None)
    valkey.pause()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    valkey.resume()
    assert redis.Redis.from_url(valkey.url).ping()
    valkey.stop()


def test_a_frozen_server_can_still_be_stopped(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, fsync=False)
    postgres.start()
    postgres.pause()
    postgres.stop()
    assert not processes_of(postgres)


def test_data_of_another_version_are_kept_and_reported(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder, fsync=False)
    postgres.start()
    postgres.stop()
    (postgres.folder / "PG_VERSION").write_text("9\n")
    with pytest.raises(SetupError, match=r"written by PostgreSQL 9, but this machine has version"):
        EmbeddedPostgres(folder).start()
    assert (postgres.folder / "base").is_dir()


def test_an_initdb_that_was_cut_off_is_done_again(folder: Path, ask: Ask) -> None:
    (folder / ".postgres.deadbeef" / "data" / "base").mkdir(parents=True)
    (folder / "postgres" / "base").mkdir(parents=True)
    with servers(folder, fsync=False) as urls:
        assert ask(urls["DATABASE_URL"], "select 1") == 1
    assert not list(folder.glob(".postgres.*"))


def test_urls_from_the_environment_are_used_and_nothing_is_started(folder: Path) -> None:
    given = {"DATABASE_URL": "postgres://elsewhere/opd", "REDIS_URL": "redis://elsewhere/0"}
    with servers(folder, environ=given) as urls:
        assert urls == given
    assert not (folder / "postgres").exists()


def test_the_launcher_needs_nothing_but_the_standard_library() -> None:
    foreign = "[name for name in ('django', 'redis', 'psycopg') if name in sys.modules]"
    code = f"import devserver.__main__, sys; print({foreign})"
    shown = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"

"""Started as root, the engine runs PostgreSQL as another user, wherever the checkout is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devserver import EmbeddedPostgres, SetupError
from devserver.data_dir import POINTER, home_of, remove_home
from devserver.unprivileged import can_enter, runner_for

Ask = Callable[..., object]
AS_ROOT = os.geteuid() == 0


def test_the_server_never_runs_as_root(folder: Path, ask: Ask) -> None:
    postgres = EmbeddedPostgres(folder, fsync=False)
    postgres.start()
    assert postgres.folder.stat().st_uid != 0
    assert os.stat(f"/proc/{postgres.pid}").st_uid != 0 if Path("/proc/self").exists() else True
    assert ask(postgres.url, "select 1") == 1
    postgres.stop()


def test_data_in_a_folder_closed_to_that_user_lie_elsewhere(folder: Path, ask: Ask) -> None:
    closed = folder / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    data = closed / "data"
    postgres = EmbeddedPostgres(data, fsync=False)
    postgres.start()
    try:
        assert ask(postgres.url, "create table kept as select 7 as seat") is None
        assert (data / POINTER).exists() == AS_ROOT
        assert (postgres.home == data) != AS_ROOT
    finally:
        postgres.stop()
    again = EmbeddedPostgres(data, fsync=False)
    again.start()
    assert ask(again.url, "select seat from kept") == 7
    again.stop()
    home = again.home
    remove_home(data_dir=data)
    assert not home.exists()


def test_a_copy_of_such_a_data_folder_does_not_touch_the_data_of_the_first(folder: Path) -> None:
    first, copy, home = folder / "first", folder / "copy", folder / "home"
    for each in (first, copy, home):
        each.mkdir(parents=True)
    for each in (first, copy):
        (each / POINTER).write_text(f"{home}\n")
    (home / "belongs-to").write_text(f"{first}\n")
    with pytest.raises(SetupError, match="is a copy of"):
        home_of(data_dir=copy, runner=None)
    (first / POINTER).unlink()  # it was moved, not copied
    assert home_of(data_dir=copy, runner=None) == home
    assert (home / "belongs-to").read_text().strip() == str(copy)


def test_data_are_run_by_the_user_they_belong_to(folder: Path) -> None:
    folder.mkdir()
    runner = runner_for(cluster=folder)
    assert (runner is None) != AS_ROOT
    assert can_enter(folder=Path("/"), runner=runner)
    if runner is not None:
        assert runner.pw_uid != 0
        os.chown(folder, 65_534, 65_534)
        assert runner_for(cluster=folder).pw_uid == 65_534  # type: ignore[union-attr]

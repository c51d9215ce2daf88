"""One open house per clone, on a port that is free."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.environment import PROJECT_FOLDER
from loyalty.house import presence
from loyalty.house.ports import NoFreePortError, reserved_port

_HOLD = """
import signal, sys
from pathlib import Path
from loyalty.house import presence
presence.lock_file = lambda: Path(sys.argv[1])
with presence.presence():
    print("open", flush=True)
    signal.sigwait({signal.SIGTERM})
"""


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "house.lock"
    monkeypatch.setattr(presence, "lock_file", lambda: file)
    return file


@pytest.fixture
def open_house(lock_file: Path) -> subprocess.Popen[str]:
    blocked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})\n{_HOLD}"
    house = subprocess.Popen(
        [sys.executable, "-c", blocked, str(lock_file)], cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True
    )
    assert house.stdout is not None
    assert house.stdout.readline() == "open\n"
    return house


def test_a_second_house_is_refused_and_told_who_has_the_first(
    lock_file: Path, open_house: subprocess.Popen[str]
) -> None:
    with pytest.raises(presence.HouseAlreadyOpenError, match=f"by process {open_house.pid}"), presence.presence():
        pass

    assert presence.close_open_house()
    open_house.communicate()


def test_an_open_house_closes_when_asked(lock_file: Path, open_house: subprocess.Popen[str]) -> None:
    assert presence.close_open_house()

    assert open_house.wait(60) == 0
    open_house.communicate()
    assert not presence.close_open_house()


def test_a_house_that_was_killed_leaves_the_way_free(lock_file: Path, open_house: subprocess.Popen[str]) -> None:
    open_house.kill()
    open_house.communicate()

    with presence.presence():
        assert presence.is_open()
    assert not presence.is_open()


def test_the_wanted_port_is_taken_where_it_is_free_and_the_next_one_otherwise() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        with reserved_port("127.0.0.1", taken) as port:
            assert port > taken
    with reserved_port("127.0.0.1", taken) as port:
        assert port == taken


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that vanish with their process")
def test_two_houses_opened_at_once_do_not_share_a_port() -> None:
    with reserved_port("127.0.0.1", 18000) as first, reserved_port("127.0.0.1", first) as second:
        assert second > first


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.house.ports._is_free", lambda *_: False)

    with pytest.raises(NoFreePortError, match="No port from 18000 on is free"), reserved_port("127.0.0.1", 18000):
        pass

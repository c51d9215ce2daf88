"""The children of an open house end with it, whatever ends it."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from core.environment import PROJECT_FOLDER
from loyalty.house import launcher
from loyalty.house.processes import ChildEndedError, Children
from loyalty.tests.clones import becomes_true

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# Deaf to the polite signal, and with a child of its own in the same group.
_STUBBORN_SCRIPT = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"])
"""
STUBBORN = [sys.executable, "-c", _STUBBORN_SCRIPT]


def started(children: Children, **commands: list[str]) -> list[psutil.Process]:
    """Start processes and return them; the run may have others, such as the embedded server's keeper."""
    before = psutil.Process().children()
    for name, command in commands.items():
        children.start(name, command)
    return [process for process in psutil.Process().children() if process not in before]


def test_stopping_ends_all_children(tmp_path: Path) -> None:
    children = Children(tmp_path)
    processes = started(children, web=SLEEP, worker=SLEEP)

    children.stop()

    assert len(processes) == 2
    assert not any(process.is_running() for process in processes)


def test_a_deaf_child_is_killed_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.house.processes._STOP_SECONDS_MAX", 0.2)
    children = Children(tmp_path)
    (worker,) = started(children, worker=STUBBORN)
    assert becomes_true(worker.children)
    (grandchild,) = worker.children()

    children.stop()

    assert becomes_true(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_a_child_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    children = Children(tmp_path)
    children.start("web", [sys.executable, "-c", "import sys; print('the port is taken'); sys.exit(3)"])

    def ended() -> bool:
        try:
            children.check()
        except ChildEndedError as error:
            return str(error) == "The web process ended with code 3:\nthe port is taken"
        return False

    assert becomes_true(ended)
    children.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from loyalty.house.processes import Children
        Children(Path({str(tmp_path)!r})).start("web", {SLEEP!r})
        print("started", flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    (child,) = psutil.Process(parent.pid).children()

    parent.kill()
    parent.communicate()

    assert becomes_true(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def make_that_waits(folder: Path, *launched_by: str) -> subprocess.Popen[str]:
    (folder / "Makefile").write_text("wait:\n\t@echo started; exec sleep 600\n")
    make = subprocess.Popen([*launched_by, "make", "-C", folder, "wait", "-s"], stdout=subprocess.PIPE, text=True)
    assert make.stdout is not None
    assert make.stdout.readline() == "started\n"
    return make


def end_with_children(make: subprocess.Popen[str]) -> None:
    for process in psutil.Process(make.pid).children(recursive=True):
        process.kill()
    make.kill()
    make.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows another process's signal handlers")
def test_a_make_that_was_interrupted_alone_is_noticed(tmp_path: Path) -> None:
    # The tests themselves may have been started in the background.
    make = make_that_waits(tmp_path, "env", "--default-signal=INT")

    assert not launcher._is_interrupted_make(make.pid)
    make.send_signal(signal.SIGINT)
    assert becomes_true(lambda: launcher._is_interrupted_make(make.pid))

    end_with_children(make)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows another process's signal handlers")
def test_a_make_that_a_script_started_in_the_background_is_not_taken_for_interrupted(tmp_path: Path) -> None:
    # As a shell without job control does for `make run &`.
    make = make_that_waits(tmp_path, "env", "--ignore-signal=INT")

    assert psutil.Process(make.pid).name() == "make"
    assert not launcher._is_interrupted_make(make.pid)

    end_with_children(make)


def test_a_living_launcher_is_still_there() -> None:
    assert not launcher.launcher_has_gone()

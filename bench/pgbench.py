"""pgbench, PostgreSQL's own: transactions per second of a script, or of its TPC-B-like one, on the server in use."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loyalty.embedded import postgres_programs
from loyalty.embedded.errors import EmbeddedServerError

_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pgbench:
    """Runs the program against the database in use, with as many clients and threads each time."""

    program: Path
    clients: int
    threads: int

    def fill(self, *, scale: int) -> None:
        """Make the tables of the TPC-B-like script; each step of the scale is 100,000 accounts."""
        self._run("--initialize", "--quiet", f"--scale={scale}")

    def transactions_per_second(self, *scripts: Path, seconds: int) -> float:
        """Run some scripts in equal shares, or the TPC-B-like one where none is given. Raises where one failed."""
        output = self._run(
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={self.clients}",
            f"--jobs={self.threads}",
            f"--time={seconds}",
            *[f"--file={script}" for script in scripts],
        )
        failed, rate = _FAILED.search(output), _RATE.search(output)
        if rate is None or failed is None or failed[1] != "0":
            raise AssertionError(f"pgbench did not get through:\n{output}")
        return float(rate[1])

    def _run(self, *arguments: str) -> str:
        return _output([str(self.program), *arguments, os.environ["DATABASE_URL"]])


def find_pgbench(*, clients: int, threads: int) -> Pgbench | None:
    """Return the program of the embedded server, or None where its wheel is not installed."""
    try:
        program = postgres_programs._programs() / "bin" / "pgbench"  # noqa: SLF001 - the folder has no public name yet
    except EmbeddedServerError:
        return None
    return Pgbench(program=program, clients=clients, threads=threads) if program.exists() else None


def _output(command: Sequence[str]) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise AssertionError(f"{Path(command[0]).name} failed:\n{finished.stderr[-2000:]}")
    return finished.stdout

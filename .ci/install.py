"""Make .venv and install the pinned packages, unless that has been done for exactly these files and this Python."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT_FOLDER / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "installed"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def main() -> int:
    # Two commands started at once in one clone must not install into one folder at once.
    with (PROJECT_FOLDER / REQUIREMENTS[0]).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return 0
        return install()


def is_installed() -> bool:
    return STAMP.is_file() and STAMP.read_text() == wanted_stamp() and is_working()


def is_working() -> bool:
    """Tell whether the interpreter behind .venv is still there and recent enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", check], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def wanted_stamp() -> str:
    """The folder counts too: scripts inside .venv name it, so a clone that was moved needs a new one."""
    content = b"\0".join((PROJECT_FOLDER / name).read_bytes() for name in REQUIREMENTS)
    return f"{hashlib.sha256(content).hexdigest()} {ENVIRONMENT}\n"


def install() -> int:
    STAMP.unlink(missing_ok=True)
    if not is_working() or moved():
        print(f"Making .venv with Python {sys.version.split()[0]} …", flush=True)
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    print("Installing the pinned packages (a minute or two the first time) …", flush=True)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--use-pep517"]
    code = subprocess.run([*command, "--requirement", REQUIREMENTS[1]], cwd=PROJECT_FOLDER, check=False).returncode
    if code == 0:
        STAMP.write_text(wanted_stamp())
    return code


def moved() -> bool:
    """Tell whether .venv was made for another folder: its scripts would then start another clone's packages."""
    pip = ENVIRONMENT / "bin" / "pip"
    return not pip.is_file() or str(ENVIRONMENT) not in pip.read_text(errors="replace")


if __name__ == "__main__":
    sys.exit(main())

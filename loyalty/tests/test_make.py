"""The commands of the house."""

import re
import subprocess
from pathlib import Path

import pytest

from core.environment import PROJECT_FOLDER

MAKEFILE = (PROJECT_FOLDER / "Makefile").read_text()


def test_bare_make_lists_every_target_from_any_folder(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["make", "-f", PROJECT_FOLDER / "Makefile"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout

    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert targets is not None
    assert re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE) == targets[1].split()


@pytest.mark.parametrize("option", ["-C", "-f"])
def test_a_clone_in_a_folder_with_blanks_is_found(tmp_path: Path, option: str) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    (clone / "Makefile").write_text(MAKEFILE)
    where = clone if option == "-C" else clone / "Makefile"

    planned = subprocess.run(
        ["make", option, where, "--no-print-directory", "--dry-run", "setup"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert planned == f'"{clone}/.ci/setup"\n'


def test_every_package_is_pinned_exactly() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (PROJECT_FOLDER / name).read_text().splitlines()
        packages = [line for line in lines if line and not line.startswith(("#", "-r "))]

        assert [line for line in packages if not re.match(r"[A-Za-z0-9_.-]+==[0-9][^ ]*(; |$)", line)] == []

"""`.env.example` names every setting that is read, and no other."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from core.environment import PROJECT_FOLDER
from core.policies import POLICIES, Policy

APPS = ("core", "players", "wallet", "safety", "rewards", "merchants", "reporting", "loyalty")
# ENV_FILE is read before there is a file to read settings from.
READ_OTHERWISE = {"ENV_FILE"}


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    assert set(documented()) == read_by_code() | set(policies()) | read_by_compose() | READ_OTHERWISE


def test_the_example_states_the_defaults_of_the_policies() -> None:
    stated = {name: policy.parse(documented()[name]) for name, policy in policies().items()}

    assert stated == {name: policy.default for name, policy in policies().items()}


def documented() -> dict[str, str]:
    """Return the names and values of the example, most of which stand behind a mark."""
    text = (PROJECT_FOLDER / ".env.example").read_text()
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def read_by_code() -> set[str]:
    """Return the names that stand in calls such as `environment.text("NAME", …)`."""
    return {name for file in source_files() for name in names_read(ast.parse(file.read_text()))}


def policies() -> dict[str, Policy[Any]]:
    """Return all policies; an environment variable of that name holds until staff save a value."""
    for app in APPS:
        if (PROJECT_FOLDER / app / "policies.py").exists() or (PROJECT_FOLDER / app / "policies").exists():
            import_module(f"{app}.policies")
    return dict(POLICIES)


def read_by_compose() -> set[str]:
    """Return the names that docker-compose.yml fills in."""
    return set(re.findall(r"\$\{([A-Z_]+)", (PROJECT_FOLDER / "docker-compose.yml").read_text()))


def source_files() -> Iterator[Path]:
    """Yield our modules, without tests and migrations."""
    for app in APPS:
        for file in (PROJECT_FOLDER / app).rglob("*.py"):
            if not {"tests", "migrations"} & set(file.parts):
                yield file


def names_read(tree: ast.AST) -> Iterator[str]:
    """Yield the first argument of every call of the reader."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="environment")), args=[ast.Constant(value=str(name)), *_]
            ):
                yield name

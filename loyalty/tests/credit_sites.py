"""Where the code reaches what a player can have: found by reading it, so that none is overlooked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from core.environment import PROJECT_FOLDER

APPS = ("core", "players", "wallet", "safety", "rewards", "merchants", "reporting", "loyalty")
_LEFT_OUT = {"tests", "migrations"}
# Statements that credit, pay, hand over or let go.
_SQL = re.compile(
    r"wallet_post\w*\(|INSERT INTO (transactions|wallet_lots|wallet_lot_movements|reward_history|safety_cash_grants)\b"
    r"|UPDATE (loyalty_balances|wallet_lots)\b|'reward\.cash'"
)
_POSTING = {"post", "post_operation"}
_WRITTEN = {"RewardHistory", "LedgerEntry", "Lot", "LotMovement", "CashGrant", "LoyaltyBalance"}
_WRITING = {"create", "bulk_create", "get_or_create", "update_or_create"}


def credit_sites() -> set[str]:
    """Return every place as `path:function`, of a constant or a statement in a file its name."""
    sites = set()
    for app in APPS:
        for file in sorted((PROJECT_FOLDER / app).rglob("*.py")):
            if not _LEFT_OUT & set(file.relative_to(PROJECT_FOLDER).parts):
                sites |= {f"{file.relative_to(PROJECT_FOLDER)}:{name}" for name in _names(file)}
        for file in sorted((PROJECT_FOLDER / app).rglob("*.sql")):
            if _SQL.search(file.read_text()):
                sites.add(str(file.relative_to(PROJECT_FOLDER)))
    return sites


def _names(file: Path) -> Iterator[str]:
    """Yield what at the top of a module, a method included in its class, reaches it."""
    for node in ast.parse(file.read_text()).body:
        if any(_reaches(part) for part in ast.walk(node)) and not _is_docstring(node):
            yield _name_of(node)


def _name_of(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return f"line {node.lineno}"


def _reaches(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(_SQL.search(node.value))
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Name):
        return function.id in _POSTING
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "update" and any(given.arg in {"awaits", "available_at"} for given in node.keywords):
        return True
    called = ast.unparse(function.value)
    is_ledger = function.attr in _POSTING and called.endswith("ledger")
    return is_ledger or (function.attr in _WRITING and called.removesuffix(".objects") in _WRITTEN)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)

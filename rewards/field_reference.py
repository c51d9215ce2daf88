"""The reference of what rules may say, as a page: written from the registries, never by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rewards.fields import ALIASES, FIELDS, SINCE_LAST_REWARD, WINDOWS, Field
from rewards.formulas import FUNCTION_HELP
from rewards.reward_keys import REWARD_KEYS
from rewards.schema import OPERATOR_HELP, column_schemas, operators_of

_INTRODUCTION = """# What rules may say

Written by `manage.py document_fields` from the registries that the house itself reads rules by. [Rules](rules.md)
explains the grammar, [the cookbook](rule-cookbook.md) shows it at work. `GET /api/rules/fields` is this list for
programs, `GET /api/rules/schema` a JSON Schema of whole rules.
"""
_FORMS = """## Fields

A field is named as it stands, or with one of the endings in its row: `_7d`, `_30d` and `_90d` for the business days
that end on the business date, `_since_last_reward` for what came since this rule last gave the player something;
a reward that waits for a person counts as given. Conditions may add `_min` or `_max` behind that. What is not known, a
window before the first daily row among it, matches nothing.
"""
_WINDOW_SUFFIXES = tuple(f"_{days}d" for days in WINDOWS)


def field_reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, _FORMS, _fields(), "## Comparisons\n", _comparisons(), *_rest()])


def _fields() -> str:
    rows = []
    for base in dict.fromkeys(map(_base_of, FIELDS.values())):
        suffixes = [suffix for suffix in (*_WINDOW_SUFFIXES, SINCE_LAST_REWARD) if base + suffix in FIELDS]
        field = FIELDS[base] if base in FIELDS else FIELDS[base + suffixes[0]]
        # A field without a lifetime is told by its first window, whose help ends in what the ending says already.
        meaning = field.help if base in FIELDS else field.help.split(". ")[0] + "."
        named = f"`{base}`" if base in FIELDS else f"`{base}` with an ending"
        endings = " ".join(f"`{suffix}`" for suffix in suffixes)
        rows.append([named, str(field.kind), field.unit, endings, _aliases_of(base), meaning])
    return _table(["field", "kind", "unit", "endings", "also called", "meaning"], rows)


def _base_of(field: Field) -> str:
    if field.is_since_last_reward:
        return field.name.removesuffix(SINCE_LAST_REWARD)
    return field.name.removesuffix(f"_{field.window_days}d") if field.window_days else field.name


def _aliases_of(base: str) -> str:
    """Return the other names; measures have a short one only where an ending says of which days."""
    named = [f"`{alias}`" for alias, name in ALIASES.items() if name == base]
    windowed = [alias.removesuffix("_7d") for alias, name in ALIASES.items() if name == f"{base}_7d"]
    named += [f"`{alias}` with an ending" for alias in windowed if f"`{alias}`" not in named]
    return ", ".join(named)


def _comparisons() -> str:
    kinds = dict.fromkeys(field.kind for field in FIELDS.values())
    rows = [
        [f"`{operator}`", ", ".join(str(kind) for kind in kinds if operator in operators_of(kind)), meaning]
        for operator, meaning in OPERATOR_HELP.items()
    ]
    return _table(["comparison", "of", "holds where the value is"], rows)


def _rest() -> list[str]:
    functions = [[f"`{name}`", meaning] for name, meaning in FUNCTION_HELP.items()]
    keys = [
        [f"`{key.name}`", key.unit, "bonus money" if key.is_for_bonus_money else "all", key.help]
        for key in REWARD_KEYS.values()
    ]
    columns = [[f"`{name}`", _as_text(column)] for name, column in column_schemas().items()]
    return [
        "## Functions of formulas\n",
        _table(["function", "gives"], functions),
        "## Keys of a reward\n",
        _table(["key", "unit", "of", "meaning"], keys),
        "## Keys of a rule\n",
        _table(["key", "takes"], columns),
    ]


def _as_text(schema: dict[str, Any]) -> str:
    """Return what a column takes: its choices, or its help."""
    parts = [*([", ".join(schema["enum"]) + "."] if "enum" in schema else []), schema.get("description", "")]
    return " ".join(filter(None, parts)) or f"{str(schema['title']).capitalize()}."


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join([*lines, ""])

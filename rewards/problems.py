"""What is wrong with a rule or a redemption option: every problem with its place and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason to refuse a definition. `path` is a JSON path such as `conditions.all[0].net_loss_min`."""

    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" ({self.suggestion})" if self.suggestion else "")


class DefinitionInvalidError(InvalidInputError):
    """Raised when something that staff define cannot be saved; carries all its problems at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = list(problems)
        self.details = {
            "problems": [{"path": p.path, "message": p.message, "suggestion": p.suggestion} for p in problems]
        }


class RuleInvalidError(DefinitionInvalidError):
    """Raised when a rule cannot be saved or run."""

    code = "rule_invalid"


def shown(value: object) -> str:
    """Return a value as a message may show it: short and printable, whatever was sent."""
    match value:
        case str():
            return repr(value) if len(value) <= _SHOWN_MAX else repr(value[: _SHOWN_MAX - 1] + "…")
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case int() if value.bit_length() > _SHOWN_MAX:
            return "a huge number"
        case _:
            return str(value)[:_SHOWN_MAX]


def shown_key(key: object) -> str:
    """Return a key as it stands in a path."""
    return str(key)[:_SHOWN_MAX].encode("utf-8", "backslashreplace").decode()


_SHOWN_MAX = 60


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion naming the known word nearest to `name`, or nothing."""
    close = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.6)
    return f"did you mean {str(close[0])!r}?" if close else ""

"""What is wrong with a batch of events: everything at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import InvalidInputError

PROBLEMS_SHOWN_MAX = 1_000
_VALUE_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EventProblem:
    """One thing that is wrong: `index` counts the events of the batch from 0, `message` says what would be right."""

    index: int
    field: str
    message: str
    external_id: str = ""

    @property
    def path(self) -> str:
        """Where it stands in the batch."""
        return f"events[{self.index}].{self.field}" if self.field else f"events[{self.index}]"


class ActivityRefusedError(InvalidInputError):
    """Raised for a batch with events that cannot be stored; it names all of them, and nothing of it was stored."""

    code = "activity_refused"

    def __init__(self, problems: Sequence[EventProblem], *, received: int) -> None:
        ordered = sorted(problems, key=lambda problem: problem.index)
        refused = len({problem.index for problem in ordered})
        first = ordered[0]
        super().__init__(
            f"{refused:,} of {received:,} events cannot be stored, so none was; the first: {first.path}: "
            f"{first.message}",
            problems=[
                {"path": one.path, "message": one.message, "external_id": one.external_id}
                for one in ordered[:PROBLEMS_SHOWN_MAX]
            ],
        )
        self.found = tuple(ordered)


def shown(value: Any) -> str:
    """Return a value as it may stand in a message, however long it is."""
    text = "null" if value is None else repr(value.isoformat() if isinstance(value, datetime) else value)
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[:_VALUE_LENGTH_MAX]}… ({len(text):,} characters)"

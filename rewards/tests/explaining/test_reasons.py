"""Every reason that can be stored has a sentence."""

from __future__ import annotations

import inspect
import re

import pytest

from rewards import allocation, budgets, judging, rechecking
from rewards.explaining.reasons import known_reasons, reason_sentence

# What else these modules write in capitals.
OTHER_WORDS = {"APPROVED", "REDUCED", "REJECTED", "PENDING_REVIEW", "PROMOTION", "REFUSE"}


def reasons_of(module: object) -> set[str]:
    """Return every quoted word in capitals of a module's source: its reason codes and a few others."""
    source = inspect.getsource(module)  # type: ignore[arg-type]
    return set(re.findall(r"""["']([A-Z]+(?:_[A-Z]+)*)["']""", source)) - OTHER_WORDS


@pytest.mark.parametrize(
    ("module", "fewest"), [(judging, 8), (allocation, 6), (rechecking, 3), (budgets, 1)], ids=lambda m: str(m)[:40]
)
def test_every_reason_of_the_night_has_a_sentence(module: object, fewest: int) -> None:
    found = reasons_of(module)

    assert len(found) >= fewest
    assert found <= known_reasons()


@pytest.mark.parametrize("code", sorted(known_reasons()))
def test_a_sentence_can_be_said_without_figures(code: str) -> None:
    said = reason_sentence(code, {})

    assert said
    assert "None" not in said


@pytest.mark.parametrize(
    ("code", "figures", "expected"),
    [
        ("FREQUENCY", {"given": 1, "last_on": "2025-12-14"}, "given once in the period already, last on 2025-12-14"),
        ("CAP", {"room": 12.5}, "the caps leave 12.50, too little for this reward"),
        ("CAP_CUT", {"room": 50, "from": 300, "to": 50}, "the caps leave 50.00: cut from 300.00 to 50.00"),
        ("RESTRICTED", {"restriction": "COOL_OFF"}, "the player is restricted: COOL_OFF"),
        ("NO_AMOUNT", {"amount": 0}, "the formula computes 0.00, which is nothing to give"),
        ("NO_AMOUNT", {}, "the formula has no value: a field is not known, or it divides by zero"),
        (
            "UNPROFITABLE",
            {"expected_cost": 350, "granted_before": 10, "expected_margin": 324},
            "the expected cost of 350.00, with 10.00 granted before, is not below the expected margin of 324.00",
        ),
        (
            "HELD_OUT",
            {"would_be": "APPROVED", "would_give": 150},
            "drawn into the control group; otherwise 150.00 would have been given",
        ),
        ("OF_LATER_TIMES", {"code": "OF_LATER_TIMES", "figure": 7}, "OF_LATER_TIMES (figure 7)"),
    ],
)
def test_a_reason_is_said_with_its_figures(code: str, figures: dict[str, object], expected: str) -> None:
    assert reason_sentence(code, figures) == expected

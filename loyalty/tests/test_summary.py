"""The tables that `make run` prints."""

from datetime import date
from typing import Any

from rich.console import Console

from loyalty.house.summary import print_summary
from reporting.models import DailySummary

FIGURES: dict[str, Any] = {
    "players": {"total": 4},
    "segments": {
        "VIP": {"players": 1, "turnover": "250000.00", "ggr": "12500.00"},
        "LOSING": {"players": 3, "turnover": "1500.50", "ggr": "-20.25"},
    },
    "rewards": {
        "decisions": 4,
        "given": 2,
        "money_value": "310.00",
        "expected_cost": "95.10",
        "by_rule": [
            {
                "rule_id": "POINTS",
                "name": "Points",
                "reward_type": "REWARD_POINTS",
                "by_verdict": {"APPROVED": 2, "REJECTED": 2},
                "given": 2,
                "amount_given": "31000.00",
                "money_value": "310.00",
                "expected_cost": "95.10",
            }
        ],
        "rejected_by_reason": {"NOT_PROFITABLE": 2},
    },
}


def printed(figures: dict[str, Any]) -> list[str]:
    """Return the lines of the summary without their frames."""
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        print_summary(console, DailySummary(on=date(2025, 12, 21), figures=figures))
    return [" ".join(line.replace("│", " ").split()) for line in capture.get().splitlines()]


def test_players_are_shown_by_segment_with_their_share() -> None:
    lines = printed(FIGURES)

    assert lines.index("LOSING 3 75% 1,500.50 -20.25") < lines.index("VIP 1 25% 250,000.00 12,500.00")
    assert "All 4 100% 251,500.50 12,479.75" in lines


def test_the_widest_rule_fits_into_eighty_columns() -> None:
    rule = {**FIGURES["rewards"]["by_rule"][0], "rule_id": "WINNING_TOURNAMENT_TICKETS", "amount_given": "162977.82"}
    lines = printed({**FIGURES, "rewards": {**FIGURES["rewards"], "by_rule": [rule]}})

    assert "WINNING_TOURNAMENT_TICKETS 4 2 162,977.82 RP 310.00 95.10" in lines


def test_rewards_are_shown_by_rule_with_what_stood_against_the_others() -> None:
    lines = printed(FIGURES)

    assert "POINTS 4 2 31,000.00 RP 310.00 95.10" in lines
    assert "All 4 2 310.00 95.10" in lines
    assert "Not given, because: NOT_PROFITABLE 2" in lines

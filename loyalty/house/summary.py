"""What the first night did, as tables for the eyes."""

from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from reporting.models import DailySummary
from rewards.models import RewardType

_SEGMENTS = ("NEW", "LOSING", "BREAKEVEN", "WINNING", "VIP")
_REASONS_SHOWN = 5
_UNITS = {RewardType.LOYALTY_POINTS: "LP", RewardType.REWARD_POINTS: "RP", RewardType.TICKETS: "tickets"}


def print_summary(console: Console, summary: DailySummary) -> None:
    """Print the players by segment, the rewards by rule, and why others got none."""
    figures = summary.figures
    console.print()
    console.print(segment_table(figures))
    console.print()
    console.print(reward_table(figures["rewards"]))
    reasons = list(figures["rewards"]["rejected_by_reason"].items())[:_REASONS_SHOWN]
    if reasons:
        console.print(
            "Not given, because: " + ", ".join(f"{reason} {count:,}" for reason, count in reasons), style="dim"
        )


def segment_table(figures: dict[str, Any]) -> Table:
    """Return players, stakes and the operator's result by segment."""
    table = _table("Players by segment", "Segment", "Players", "Share", "Turnover", "GGR")
    total = figures["players"]["total"]
    for segment in (name for name in _SEGMENTS if name in figures["segments"]):
        row = figures["segments"][segment]
        share = f"{row['players'] / total:.0%}"
        table.add_row(segment, f"{row['players']:,}", share, _money(row["turnover"]), _money(row["ggr"]))
    table.add_section()
    table.add_row("All", f"{total:,}", "100%", _total(figures, "turnover"), _total(figures, "ggr"))
    return table


def _total(figures: dict[str, Any], name: str) -> str:
    return _money(sum((Decimal(row[name]) for row in figures["segments"].values()), Decimal(0)))


def reward_table(rewards: dict[str, Any]) -> Table:
    """Return what each rule gave, in its own currency, and what that is worth and expected to cost in money."""
    table = _table("Rewards by rule", "Rule", "Matched", "Given", "Amount", "Worth", "Cost")
    for rule in rewards["by_rule"]:
        matched = sum(rule["by_verdict"].values())
        table.add_row(rule["rule_id"], f"{matched:,}", f"{rule['given']:,}", _amount(rule), *_worth_and_cost(rule))
    table.add_section()
    table.add_row("All", f"{rewards['decisions']:,}", f"{rewards['given']:,}", "", *_worth_and_cost(rewards))
    return table


def _amount(rule: dict[str, Any]) -> str:
    amount = Decimal(rule["amount_given"])
    unit = _UNITS.get(rule["reward_type"], "")
    if unit == "tickets":
        return f"{amount:,.0f} {unit}"
    return f"{_money(amount)} {unit}".rstrip() if amount else ""


def _worth_and_cost(figures: dict[str, Any]) -> tuple[str, str]:
    return _money(figures["money_value"]), _money(figures["expected_cost"])


def _table(title: str, name: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 0, 0, 1)
    table.show_edge = False
    table.add_column(name, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _money(amount: Decimal | str) -> str:
    return f"{Decimal(amount):,.2f}"

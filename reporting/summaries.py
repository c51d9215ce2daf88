"""The figures of one business date: a handful of scans by night, so that no dashboard has to scan.

Amounts are strings with two decimals, as everywhere in our JSON; counts are numbers. Keys with a meaning of their own
(segments, rules, reasons) are keys here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum

from core.models import Run
from players.models import Player, PlayerDay, PlayerMetrics
from reporting.models import DailySummary
from rewards.models import RewardDecision, RewardRule, RuleAllocation, Verdict
from safety.models import UnitValue
from wallet.models import CurrencyType, LoyaltyBalance

Figures = dict[str, Any]
PLAY_WINDOWS = {"day": 1, "week": 7, "month": 30}

_TOTALS = {
    "deposited": "total_deposited",
    "withdrawn": "total_withdrawn",
    "turnover": "total_wagered",
    "won": "total_won",
}
_DAY_SUMS = {"deposited": "deposited", "withdrawn": "withdrawn", "turnover": "wagered", "won": "won"}
_GIVEN = ("amount_given", "money_value", "expected_cost")
_GIVEN_SUMS = {f"{name}_sum": Sum(name) for name in _GIVEN}


def write_daily_summary(*, run: Run) -> DailySummary:
    """Store the figures of the run's business date, replacing those of an earlier attempt.

    Reads the run's allocations, so it must happen before a later run empties the working tables.
    """
    with transaction.atomic():
        summary, _ = DailySummary.objects.update_or_create(
            on=run.business_date,
            defaults={"run_id": run.pk, "figures": day_figures(run=run)},
        )
    return summary


def day_figures(*, run: Run) -> Figures:
    """Return everything a summary holds."""
    return {
        "players": player_figures(),
        "segments": segment_figures(),
        "play": play_figures(on=run.business_date),
        "rewards": reward_figures(run=run),
        "liability": liability_figures(),
    }


def player_figures() -> Figures:
    """Count players by segment and by tier in one scan."""
    grouped = Player.objects.order_by().values("segment", "tier", "is_active", "is_blocked")
    cells: list[Figures] = [dict(cell) for cell in grouped.annotate(count=Count("pk"))]
    return {
        "total": sum(cell["count"] for cell in cells),
        "active": sum(cell["count"] for cell in cells if cell["is_active"]),
        "blocked": sum(cell["count"] for cell in cells if cell["is_blocked"]),
        "by_segment": _counted(cells, "segment"),
        "by_tier": _counted(cells, "tier"),
    }


def segment_figures() -> Figures:
    """Sum lifetime totals by segment; GGR = turnover − won."""
    sums = {name: Sum(column) for name, column in _TOTALS.items()}
    grouped = PlayerMetrics.objects.order_by().values(segment=F("player__segment"))
    rows: list[Figures] = [dict(row) for row in grouped.annotate(players=Count("pk"), **sums)]
    return {row.pop("segment"): _with_ggr(row) for row in rows}


def play_figures(*, on: date) -> Figures:
    """Sum play over the windows of business days that end on `on`, in one scan.

    `player_days` counts daily rows; for the day itself these are the players who played.
    """
    windows = {name: Q(on__gt=on - timedelta(days=days)) for name, days in PLAY_WINDOWS.items()}
    sums = {
        f"{window}_{name}": Sum(column, filter=within)
        for window, within in windows.items()
        for name, column in _DAY_SUMS.items()
    }
    counts = {f"{window}_player_days": Count("pk", filter=within) for window, within in windows.items()}
    rows = PlayerDay.objects.filter(on__gt=on - timedelta(days=max(PLAY_WINDOWS.values())), on__lte=on)
    cells = rows.aggregate(**sums, **counts)
    return {window: _with_ggr(_cells_of(cells, window)) for window in windows}


def reward_figures(*, run: Run) -> Figures:
    """Return what the run gave and refused: by rule, by type, by verdict, and why not."""
    rules = {rule.number: rule for rule in RewardRule.objects.all()}
    # One scan answers everything: a night decides millions of matches.
    grouped = _allocations(run).values("rule_number", "verdict", "reason")
    rows: list[Figures] = [dict(row) for row in grouped.annotate(count=Count("*"), **_GIVEN_SUMS)]
    by_rule = [
        _rule_figures(rules[number], _rows_of(rows, number)) for number in sorted({r["rule_number"] for r in rows})
    ]
    by_rule.sort(key=lambda figures: Decimal(figures["money_value"]), reverse=True)
    totals = _sums(rows)
    del totals["amount_given"]  # adds money, points and tickets
    return {
        **totals,
        "decisions": sum(row["count"] for row in rows),
        "by_verdict": _counted(rows, "verdict"),
        "by_rule": by_rule,
        "by_type": _by_type(by_rule),
        "rejected_by_reason": _rejected_by_reason(rows),
    }


def liability_figures() -> Figures:
    """Return what players hold per currency and what it is worth by the unit values (bonus money at its face value)."""
    units = dict(UnitValue.objects.values_list("currency_type", "money_value"))
    held = LoyaltyBalance.objects.aggregate(**{code: Sum(f"{code.lower()}_balance") for code in CurrencyType.values})
    return {
        code: {
            "balance": _amount(held[code]),
            "unit_value": str(units[code]) if code in units else None,
            "money_value": _amount((held[code] or 0) * units[code]) if code in units else None,
        }
        for code in CurrencyType.values
    }


def _allocations(run: Run) -> QuerySet[Any]:
    """Return what the run decided: from its narrow working table, or from all decisions where a crash emptied that."""
    if run.parameters.get("was_evaluation_restarted"):
        return RewardDecision.objects.filter(run_id=run.pk).annotate(rule_number=F("rule_id")).order_by()
    return RuleAllocation.objects.filter(run_id=run.pk).order_by()


def _rows_of(rows: Iterable[Figures], number: int) -> list[Figures]:
    return [row for row in rows if row["rule_number"] == number]


def _rule_figures(rule: RewardRule, rows: list[Figures]) -> Figures:
    return {
        "rule_id": rule.pk,
        "name": rule.name,
        "reward_type": rule.reward_config.get("type", ""),
        "by_verdict": _counted(rows, "verdict"),
        **_sums(rows),
    }


def _sums(rows: Iterable[Figures]) -> Figures:
    given = [row for row in rows if row["verdict"] in {Verdict.APPROVED, Verdict.REDUCED}]
    sums = {name: _amount(sum((row[f"{name}_sum"] or Decimal(0) for row in given), Decimal(0))) for name in _GIVEN}
    return {"given": sum(row["count"] for row in given), **sums}


def _by_type(by_rule: Iterable[Figures]) -> Figures:
    types: Figures = {}
    for rule in by_rule:
        total = types.setdefault(rule["reward_type"], {"given": 0, **dict.fromkeys(_GIVEN, "0.00")})
        total["given"] += rule["given"]
        for name in _GIVEN:
            total[name] = _amount(Decimal(total[name]) + Decimal(rule[name]))
    return types


def _rejected_by_reason(rows: Iterable[Figures]) -> Figures:
    counts = _counted((row for row in rows if row["verdict"] == Verdict.REJECTED), "reason")
    return dict(sorted(counts.items(), key=lambda counted: counted[1], reverse=True))


def _counted(cells: Iterable[Figures], key: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell[key]] = counts.get(cell[key], 0) + cell["count"]
    return counts


def _cells_of(cells: Figures, window: str) -> Figures:
    return {name.removeprefix(f"{window}_"): value for name, value in cells.items() if name.startswith(f"{window}_")}


def _with_ggr(row: Figures) -> Figures:
    """Turn the amounts into text and add GGR; counts stay numbers."""
    figures = {name: _amount(value) if name in _DAY_SUMS else value for name, value in row.items()}
    return {**figures, "ggr": _amount((row["turnover"] or Decimal(0)) - (row["won"] or Decimal(0)))}


def _amount(value: Decimal | int | None) -> str:
    return f"{value or Decimal(0):.2f}"

"""The admin's first page: the figures put in the order people read them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse

from players.models import PlayerSegment, Tier
from players.policies import OPERATOR_CURRENCY
from reporting.dashboard import dashboard_figures
from rewards.models import RewardRule, RewardType, RuleStatus, Verdict
from wallet.models import CurrencyType

Figures = dict[str, Any]
_STOPPED_RULES_MAX = 20
_WINDOW_TITLES = {"day": "The day", "week": "7 days", "month": "30 days"}


def dashboard_page() -> Figures:
    """Return what `templates/admin/index.html` shows."""
    found = dashboard_figures()
    figures = found.pop("figures")
    return {**found, "stopped_rules": _stopped_rules(), **(_sections(figures) if figures else {})}


def _stopped_rules() -> list[Figures]:
    """Return the rules that their guardrails stopped and nobody has resumed."""
    stopped = RewardRule.objects.filter(is_stopped_by_guardrail=True, status=RuleStatus.PAUSED).order_by("rule_id")
    return [
        {"name": rule.name, "url": reverse("admin:rewards_rewardrule_change", args=[quote(rule.pk)])}
        for rule in stopped[:_STOPPED_RULES_MAX]
    ]


def _sections(figures: Figures) -> Figures:
    rewards, liability = figures["rewards"], figures["liability"]
    return {
        "has_figures": True,
        "currency": OPERATOR_CURRENCY.value(),
        "players": figures["players"],
        "day": figures["play"]["day"],
        "play": [{"title": title, **figures["play"][name]} for name, title in _WINDOW_TITLES.items()],
        "segments": _segment_rows(figures),
        "tiers": _tier_rows(figures["players"]),
        "rewards": rewards,
        "rules": [_with_verdicts(rule) for rule in rewards["by_rule"]],
        "types": [{"title": _type_label(code), **row} for code, row in rewards["by_type"].items()],
        "reasons": sorted(rewards["rejected_by_reason"].items(), key=lambda item: -item[1]),
        "rejected": rewards["by_verdict"].get(Verdict.REJECTED, 0),
        "held_out": rewards["by_verdict"].get(Verdict.HELD_OUT, 0),
        "liability": [{"title": CurrencyType(code).label, **row} for code, row in liability.items()],
        "liability_total": sum((Decimal(row["money_value"] or 0) for row in liability.values()), Decimal(0)),
    }


def _segment_rows(figures: Figures) -> list[Figures]:
    counts, totals = figures["players"]["by_segment"], figures["segments"]
    return [
        {"code": code, "title": label, "count": counts.get(code, 0), **totals.get(code, {})}
        for code, label in PlayerSegment.choices
    ]


def _tier_rows(players: Figures) -> list[Figures]:
    counts = dict(players["by_tier"])
    levels = list(Tier.objects.order_by("lp_min").values_list("tier_level", flat=True))
    return [{"title": level, "count": counts.get(level, 0)} for level in [*levels, *sorted(set(counts) - set(levels))]]


def _with_verdicts(rule: Figures) -> Figures:
    verdicts = {verdict.lower(): rule["by_verdict"].get(verdict, 0) for verdict in Verdict.values}
    return {**rule, **verdicts, "type_label": _type_label(rule["reward_type"])}


def _type_label(code: str) -> str:
    return str(RewardType(code).label) if code in RewardType.values else code

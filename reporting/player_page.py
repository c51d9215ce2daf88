"""Everything about one player that fits on a page: the newest rows of each kind, a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from players.models import (
    Player,
    PlayerDay,
    PlayerMetrics,
    PlayerRestriction,
    RiskScoreChange,
    SegmentChange,
    Tier,
    TierChange,
)
from players.tiers import current_tiers
from rewards.models import RewardDecision, RewardHistory
from rewards.tiers import tier_outlook
from safety.models import AbuseSignal
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, PostingRefusal

ROWS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerPage:
    """What the page shows; lists hold the newest first, at most ROWS_MAX each."""

    player: Player
    metrics: PlayerMetrics | None
    balance: LoyaltyBalance | None
    restrictions: list[PlayerRestriction]
    tier_due: str
    next_tier: Tier | None
    lp_to_next_tier: Decimal | None
    entries: list[LedgerEntry]
    lots: list[Lot]
    decisions: list[RewardDecision]
    rewards: list[RewardHistory]
    days: list[PlayerDay]
    changes: list[Any]
    signals: list[AbuseSignal]
    refusals: list[PostingRefusal]

    @property
    def restrictions_in_force(self) -> list[PlayerRestriction]:
        """Those that hold now."""
        now = timezone.now()
        return [r for r in self.restrictions if r.starts_at <= now and (r.ends_at is None or r.ends_at > now)]


def player_page(player: Player) -> PlayerPage:
    """Read the page of a player."""
    balance = LoyaltyBalance.objects.filter(player=player).first()
    outlook = tier_outlook(player=player, on=timezone.localdate())
    next_tier = next((tier for tier in current_tiers() if tier.lp_min > outlook.points), None)
    return PlayerPage(
        player=player,
        metrics=PlayerMetrics.objects.filter(player=player).first(),
        balance=balance,
        restrictions=_newest(PlayerRestriction.objects.filter(player=player).select_related("created_by")),
        tier_due=outlook.tier_level,
        next_tier=next_tier,
        lp_to_next_tier=next_tier.lp_min - outlook.points if next_tier else None,
        entries=_newest(LedgerEntry.objects.filter(player=player), "-created_at", "-number"),
        lots=list(Lot.objects.filter(player=player).order_by(F("remaining").desc(), "-pk")[:ROWS_MAX]),
        decisions=_newest(RewardDecision.objects.filter(player=player).select_related("rule")),
        rewards=_newest(RewardHistory.objects.filter(player=player).select_related("rule")),
        days=_newest(PlayerDay.objects.filter(player=player), "-on"),
        changes=_changes(player),
        signals=list(AbuseSignal.objects.filter(Q(player=player)).order_by("is_resolved", "-detected_at")[:ROWS_MAX]),
        refusals=_newest(PostingRefusal.objects.filter(player=player)),
    )


def _newest(rows: QuerySet[Any], *ordering: str) -> list[Any]:
    return list(rows.order_by(*(ordering or ("-pk",)))[:ROWS_MAX])


def _changes(player: Player) -> list[Any]:
    """Merge the three histories by time, each row with what changed."""
    found: list[Any] = []
    for model, name in ((SegmentChange, "segment"), (TierChange, "tier"), (RiskScoreChange, "risk_score")):
        for row in _newest(model._default_manager.filter(player=player)):
            before, after = getattr(row, f"{name}_before"), getattr(row, f"{name}_after")
            found.append({"what": name.replace("_", " "), "before": before, "after": after, "row": row})
    found.sort(key=lambda change: change["row"].changed_at, reverse=True)
    return found[:ROWS_MAX]

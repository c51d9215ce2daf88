"""The same safety questions as the night asks, answered in Python for one player; policies are read once, before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Q, Sum

from players.models import CreditPurpose, GameCategory, PlayerMetrics, PlayerRestriction, RestrictionEffect
from safety import policies
from safety.caps import CAPS, window_ends, window_starts
from safety.models import AbuseSignal, RetentionMultiplier, SegmentBaseline
from safety.profitability import DEFAULT_CATEGORY, RewardTerms, cost_rate, unit_value
from wallet.models import Lot

_CENT = Decimal("0.01")
Facts = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Grants:
    """What a player was granted before and, counted up, tonight."""

    values: dict[str, Decimal]
    cost: Decimal

    def cap_room(self, caps: dict[str, Decimal]) -> Decimal:
        return max(min(cap - self.values[window] for window, cap in caps.items()), Decimal(0))

    def add(self, *, value: Decimal, cost: Decimal) -> None:
        for window in self.values:
            self.values[window] += value
        self.cost += cost


class Safety:
    """Everything that is the same for all players, read once."""

    def __init__(self, terms: dict[int, RewardTerms], *, on: date) -> None:
        self.on = on
        self.caps = {window: cap.value() for window, cap in CAPS.items()}
        self.unit_values = {number: unit_value(reward) for number, reward in terms.items()}
        self.cost_rates = {number: cost_rate(reward) for number, reward in terms.items()}
        self.families = {number: reward.family for number, reward in terms.items()}
        multipliers = RetentionMultiplier.objects.values_list("segment", "reward_family", "multiplier")
        self.multipliers = {(segment, family): value for segment, family, value in multipliers}
        self.baselines = dict(SegmentBaseline.objects.values_list("segment", "wager_per_active_day"))
        self.edges = dict(GameCategory.objects.values_list("code", "house_edge_rate"))
        refused = RestrictionEffect.objects.filter(purpose=CreditPurpose.PROMOTION, effect="REFUSE")
        self.refused_kinds = set(refused.values_list("kind", flat=True))
        self.prior_weight = policies.PRIOR_WEIGHT_DAYS.value()
        self.prior_days = policies.EXPECTED_ACTIVE_DAYS_PRIOR.value()
        self.horizon_days = policies.PROFIT_HORIZON_DAYS.value()
        self.half_life_days = policies.ABUSE_HALF_LIFE_DAYS.value()
        self.points_per_severity = policies.ABUSE_POINTS_PER_SEVERITY.value()
        self.abuse_bands = (
            policies.ABUSE_REDUCE_FROM.value(),
            policies.ABUSE_WAGERING_FROM.value(),
            policies.ABUSE_REVIEW_FROM.value(),
        )
        self.reduced_rate = policies.ABUSE_REDUCED_RATE.value()
        self.instead_rate = policies.ABUSE_WAGERING_INSTEAD_RATE.value()

    def abuse_score(self, player_id: str, *, at: datetime) -> int:
        """Return the player's score from the unresolved signals."""
        signals = AbuseSignal.objects.filter(player_id=player_id, is_resolved=False).values_list(
            "severity", "detected_at"
        )
        points = 0.0
        for severity, detected_at in signals:
            age_days = max((at - detected_at).total_seconds() / 86_400, 0)
            points += float(self.points_per_severity) * severity * 0.5 ** (age_days / self.half_life_days)
        return min(100, round(points))

    def restriction(self, player_id: str, *, at: datetime) -> str | None:
        """Return a restriction that refuses promotional grants now."""
        holding = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
        restrictions = PlayerRestriction.objects.filter(holding, player_id=player_id, starts_at__lte=at)
        return restrictions.filter(kind__in=self.refused_kinds).values_list("kind", flat=True).first()

    def grants(self, player_id: str) -> Grants:
        """Return what the player was granted, in one query."""
        ends = window_ends(self.on)
        sums = {
            window: Sum("promotional_value", filter=Q(granted_on__range=(start, ends[window])))
            for window, start in window_starts(self.on).items()
        }
        days = timedelta(days=self.horizon_days - 1)
        sums["cost"] = Sum("expected_cost", filter=Q(granted_on__range=(self.on - days, self.on + days)))
        row = Lot.objects.filter(player_id=player_id).aggregate(**sums)
        cost = row.pop("cost") or Decimal(0)
        return Grants(values={window: value or Decimal(0) for window, value in row.items()}, cost=cost)

    def expected_margin(self, facts: Facts, *, number: int, edge: Decimal) -> Decimal:
        """Return the margin expected from the player over the horizon."""
        if facts["active_days_30d"]:
            wager, days = facts["total_wagered_30d"], facts["active_days_30d"]
        else:
            wager, days = facts["total_wagered"], facts["total_sessions"]
        mean = self.baselines.get(facts["segment"], Decimal(0))
        per_day = (wager + self.prior_weight * mean) / (days + self.prior_weight)
        active = facts["active_days_30d"]
        expected_days = (
            self.prior_days
            if active is None
            else (active * 30 + self.prior_days * self.prior_weight) / (30 + self.prior_weight)
        )
        multiplier = self.multipliers.get((facts["segment"], self.families[number]), Decimal(1))
        margin: Decimal = per_day * expected_days * Decimal(self.horizon_days) / 30 * multiplier * edge
        return margin.quantize(_CENT, rounding=ROUND_HALF_UP)

    def house_edge(self, metrics: PlayerMetrics) -> Decimal:
        """Return the edge of the player's own mix of games."""
        mix = metrics.games_wagered or metrics.games_played
        games = {code: Decimal(str(weight)) for code, weight in mix.items() if weight}
        if not games:
            return Decimal(self.edges[DEFAULT_CATEGORY])
        other = self.edges[DEFAULT_CATEGORY]
        kept = sum((self.edges.get(code, other) * weight for code, weight in games.items()), Decimal(0))
        return Decimal(kept / sum(games.values()))

    def abuse_multiplier(self, score: int, *, has_requirement: bool) -> Decimal:
        """Return what the score leaves of an amount; one with a wagering requirement is not cut in the second band."""
        reduce_from, wagering_from, review_from = self.abuse_bands
        if score >= review_from:
            return Decimal(0)
        if score >= wagering_from:
            return Decimal(1) if has_requirement else self.instead_rate
        return self.reduced_rate if score >= reduce_from else Decimal(1)

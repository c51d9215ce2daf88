"""The loop: one transaction per player, everything about them fetched, decided and saved before the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from bench.orm_loop.deciding import Candidate, CompiledRule, Decided, Decider, fetch_earlier_decisions
from bench.orm_loop.facts import Facts, facts_of, fetch_daily_figures, refresh_metrics
from bench.orm_loop.posting import Credit, post_credit
from bench.orm_loop.safety import Safety
from players.models import (
    CreditPurpose,
    Player,
    PlayerDay,
    PlayerMetrics,
    PlayerSegment,
    RiskScoreChange,
    SegmentChange,
    Tier,
    TierChange,
)
from players.segmentation import SegmentThresholds, get_segment_thresholds
from rewards.definitions import RuleDefinition
from rewards.models import RewardDecision, RewardHistory, RewardStatus, RewardType
from rewards.models.decisions import GIVEN_VERDICTS
from safety.profitability import CURRENCIES
from wallet.models import LotKind, LoyaltyBalance, TransactionType

_METRICS = [
    "net_pnl",
    "house_edge_contribution",
    "win_loss_ratio",
    "avg_bet_size",
    "avg_session_duration",
    "bets_per_session",
    "game_diversity",
    "volatility_score",
    "bonus_abuse_score",
    "updated_at",
]
_LOT_KINDS = {RewardType.CASHBACK: LotKind.CASHBACK, RewardType.FREE_PLAY: LotKind.FREE_PLAY}


class OrmNight:
    """A night for some players. Rules, policies and tiers are read once; the players one by one."""

    def __init__(self, definitions: Sequence[RuleDefinition], *, on: date) -> None:
        self.on = on
        rules = [CompiledRule.of(definition) for definition in sorted(definitions, key=lambda rule: -rule.priority)]
        self.safety = Safety({rule.definition.number: rule.definition.reward.terms for rule in rules}, on=on)
        self.decider = Decider(rules, safety=self.safety, on=on)
        self.thresholds = get_segment_thresholds()
        self.tiers = list(Tier.objects.order_by("-lp_min"))
        self.benefits = {tier.tier_level: tier.benefits for tier in self.tiers}

    def run(self, player_ids: Iterable[str]) -> dict[str, int]:
        """Take every player through the night; return what was counted."""
        counts = {"players": 0, "matches": 0, "rewards": 0}
        for player_id in player_ids:
            with transaction.atomic():
                decided = self._run_player(player_id)
            counts["players"] += 1
            counts["matches"] += len(decided)
            counts["rewards"] += sum(one.verdict in GIVEN_VERDICTS for one in decided)
        return counts

    def _run_player(self, player_id: str) -> list[Decided]:
        at = timezone.now()
        players = Player.objects.select_related("metrics").select_for_update(of=("self",))
        player = players.get(player_id=player_id)
        balance, _ = LoyaltyBalance.objects.get_or_create(player=player)
        self._post_points_from_play(balance, at=at)
        daily = fetch_daily_figures(player_id=player_id, on=self.on)
        refresh_metrics(player.metrics, daily=daily)
        self._classify(player, balance, at=at)
        player.metrics.updated_at = at
        player.metrics.save(update_fields=_METRICS)
        decided = self.decider.decide(self._candidate(player, balance, daily=daily, at=at))
        self._store(player, balance, decided, at=at)
        balance.save()
        return decided

    def _post_points_from_play(self, balance: LoyaltyBalance, *, at: datetime) -> None:
        for day in PlayerDay.objects.filter(player_id=balance.player_id, lp_due__gt=0):
            points = day.lp_due - day.lp_posted - day.lp_refused
            if points <= 0:
                continue
            credit = Credit(
                key=f"play:{day.player_id}:{day.on}:{day.lp_due}",
                kind="LP_FROM_PLAY",
                purpose=CreditPurpose.EARNED,
                transaction_type=TransactionType.LP_EARNED,
                currency="LP",
                amount=points,
                lot_kind=LotKind.PLAY,
                granted_on=day.on,
            )
            post_credit(balance, credit, at=at)
            day.lp_posted = day.lp_due
            day.save(update_fields=["lp_posted"])

    def _classify(self, player: Player, balance: LoyaltyBalance, *, at: datetime) -> None:
        """Bring scores, segment and tier up to date, with a history row of every change."""
        metrics = player.metrics
        score = self.safety.abuse_score(player.player_id, at=at)
        risk = min(100, score + (20 if metrics.win_loss_ratio > Decimal("1.5") else 0))
        segment = _segment_of(metrics, self.thresholds)
        tier = next(tier.tier_level for tier in self.tiers if balance.lp_earned >= tier.lp_min)
        common: dict[str, Any] = {"player": player, "on": self.on}
        if (risk, score) != (player.risk_score, metrics.bonus_abuse_score):
            RiskScoreChange.objects.create(
                risk_score_before=player.risk_score, risk_score_after=risk, abuse_score_after=score, **common
            )
        if segment != player.segment:
            SegmentChange.objects.create(segment_before=player.segment, segment_after=segment, **common)
        if tier != player.tier:
            TierChange.objects.create(tier_before=player.tier, tier_after=tier, **common)
        if (segment, tier, risk) != (player.segment, player.tier, player.risk_score):
            player.segment, player.tier, player.risk_score = segment, tier, risk
            player.save(update_fields=["segment", "tier", "risk_score"])
        metrics.bonus_abuse_score = score

    def _candidate(self, player: Player, balance: LoyaltyBalance, *, daily: Facts, at: datetime) -> Candidate:
        player_id, metrics = player.player_id, player.metrics
        benefits = self.benefits[player.tier]
        return Candidate(
            player_id=player_id,
            facts=facts_of(player=player, balance=balance, daily=daily, benefits=benefits, on=self.on),
            earlier=fetch_earlier_decisions(player_id),
            grants=self.safety.grants(player_id),
            restriction=self.safety.restriction(player_id, at=at),
            edge=self.safety.house_edge(metrics),
            abuse_score=metrics.bonus_abuse_score,
        )

    def _store(self, player: Player, balance: LoyaltyBalance, decided: list[Decided], *, at: datetime) -> None:
        decisions = RewardDecision.objects.bulk_create(self._decision(player, one) for one in decided)
        for one, decision in zip(decided, decisions, strict=True):
            if one.verdict in GIVEN_VERDICTS:
                self._give(balance, one, decision=decision, at=at)

    def _decision(self, player: Player, one: Decided) -> RewardDecision:
        return RewardDecision(
            player=player,
            rule_id=one.rule.definition.number,
            rule_version=one.rule.definition.version,
            occasion=self.on.isoformat(),
            verdict=one.verdict,
            reasons=[{"code": one.reason}] if one.reason else [],
            segment=player.segment,
            tier=player.tier,
            amount_computed=one.computed,
            amount_given=one.amount,
            money_value=one.value,
            expected_cost=one.cost,
            expected_margin=one.margin,
            first_on=self.on,
            last_on=self.on,
        )

    def _give(self, balance: LoyaltyBalance, one: Decided, *, decision: RewardDecision, at: datetime) -> None:
        definition = one.rule.definition
        reward = definition.reward
        hours = reward.expiry_hours
        credit = Credit(
            key=f"reward:{decision.pk}",
            kind="REWARD",
            purpose=CreditPurpose.PROMOTION,
            transaction_type=TransactionType.REWARD,
            currency=CURRENCIES[reward.type],
            amount=one.amount,
            lot_kind=_LOT_KINDS.get(reward.type, LotKind.REWARD),
            granted_on=self.on,
            value=one.value,
            cost=one.cost,
            wagering=one.amount * reward.wagering_requirement,
            expires_at=None if hours is None else at + timedelta(hours=hours),
            rule_number=definition.number,
            decision_id=decision.pk,
        )
        lot = post_credit(balance, credit, at=at)
        RewardHistory.objects.create(
            player_id=balance.player_id,
            rule_id=definition.rule_id,
            reward_type=reward.type,
            amount=one.amount,
            currency_type=credit.currency,
            status=RewardStatus.ACTIVE,
            wagering_required=credit.wagering,
            issued_at=at,
            expires_at=credit.expires_at,
            decision_id=decision.pk,
            lot_id=lot.pk,
        )


def _segment_of(metrics: PlayerMetrics, thresholds: SegmentThresholds) -> str:
    wagered = metrics.total_wagered
    if wagered < thresholds.new_wager:
        return PlayerSegment.NEW
    if wagered > thresholds.vip_wager and metrics.total_sessions > thresholds.vip_sessions:
        return PlayerSegment.VIP
    if metrics.net_pnl > 0 and metrics.total_won > wagered * thresholds.winning_ratio:
        return PlayerSegment.WINNING
    return (
        PlayerSegment.BREAKEVEN if abs(metrics.net_pnl) < wagered * thresholds.breakeven_rate else PlayerSegment.LOSING
    )

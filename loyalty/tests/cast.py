"""The three people of every test, users of every role, and rows of every kind for lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User

from core.models import OutboxEvent, Run, RunChunk, RunKind, RunStep
from loyalty.roles import ROLES, install_roles
from players.jurisdictions import set_jurisdiction
from players.models import (
    Activity,
    ActivityArchive,
    ActivityException,
    ActivityFile,
    ActivityKey,
    ImportJob,
    ImportPlayerTotals,
    Jurisdiction,
    JurisdictionLimit,
    LiftRequest,
    Player,
    PlayerDay,
    PlayerMetrics,
    PlayerRestriction,
    RestrictionChange,
    RestrictionKind,
    RiskScoreChange,
    SegmentChange,
    SourceChange,
    TierChange,
)
from reporting.models import LINES, ControlGroupResult, DailySummary, LiabilityDay
from rewards.models import (
    PerkTask,
    PointsEarnedDay,
    RedemptionOption,
    RedemptionOrder,
    RewardDecision,
    RewardHistory,
    RewardRule,
    RuleBudgetDay,
    RuleForecast,
)
from rewards.redemption.options import save_option
from rewards.redemption.ordering import order_redemption
from rewards.rule_life.approval import submit_rule
from rewards.rule_life.editing import change_rule
from rewards.rules import save_rule
from safety.models import (
    AbuseSignal,
    CashGrant,
    Contamination,
    DetectorChange,
    EarnRateAcceptance,
    JurisdictionProfile,
    Link,
    PoolRelease,
    ReviewCase,
    ReviewEvent,
    ReviewEvidence,
    RewardCap,
    RewardCapChange,
    Ring,
    RingMember,
    RingThing,
    SafetyViolation,
    SignalLabel,
    UnitValue,
)
from safety.vip_approvals import open_vip_approval, record_vip_check
from wallet.bets import place_bet
from wallet.bonuses import add_bonus_balance
from wallet.models import CountedWager, CurrencyType, LedgerDigest, PostingRefusal
from wallet.points import add_loyalty_points

ON = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
PASSWORD = "a password of tests"


def make_player(player_id: str, **profile: object) -> Player:
    """Return a losing player: 5000 deposited, 15000 wagered, 12000 won."""
    player = Player.objects.create(player_id=player_id, name=player_id.title(), segment="LOSING", **profile)
    PlayerMetrics.objects.create(
        player=player,
        total_deposited=Decimal(5000),
        total_wagered=Decimal(15000),
        total_won=Decimal(12000),
        net_pnl=Decimal(-3000),
        house_edge_contribution=Decimal(3000),
        win_loss_ratio=Decimal("0.8"),
        total_sessions=25,
        last_deposit_at=AT - timedelta(days=1),
    )
    return player


def make_alice() -> Player:
    """Return an ordinary player with 100.00 loyalty points."""
    alice = make_player("alice", email="alice@example.com")
    add_loyalty_points(player_id="alice", amount="100.00", source="Welcome", key="alice:lp", actor="tests")
    return alice


def make_bob() -> Player:
    """Return a player with a bonus of 50.00 that must be wagered ten times."""
    bob = make_player("bob", email="bob@example.com")
    add_bonus_balance(
        player_id="bob",
        amount="50.00",
        wagering_requirement=Decimal(10),
        expiry=timedelta(hours=48),
        key="bob:bonus",
        actor="tests",
    )
    return bob


def make_carol() -> Player:
    """Return a self-excluded player."""
    carol = make_player("carol", email="carol@example.com")
    PlayerRestriction.objects.create(
        player=carol, kind=RestrictionKind.SELF_EXCLUDED, source="player", starts_at=AT - timedelta(days=365)
    )
    return carol


def make_users() -> dict[str, User]:
    """Return one user per role by the role's name, and the superuser as `Superuser`."""
    install_roles()
    password = make_password(PASSWORD)
    root = User(username="root", password=password, is_staff=True, is_superuser=True)
    theirs = [User(username=role.user_name, password=password, is_staff=role.is_staff) for role in ROLES]
    root, *theirs = User.objects.bulk_create([root, *theirs])
    users = {"Superuser": root, **{role.name: user for role, user in zip(ROLES, theirs, strict=True)}}
    membership = User.groups.through
    membership.objects.bulk_create(
        membership(user_id=users[name].pk, group_id=pk) for name, pk in Group.objects.values_list("name", "pk")
    )
    return users


def make_rule(rule_id: str = "CASHBACK", **content: object) -> RewardRule:
    """Return the documented cashback rule, active."""
    documented: dict[str, object] = {
        "name": "Cashback for losing players",
        "status": "ACTIVE",
        "priority": 10,
        "conditions": {"segment": "LOSING", "net_loss_min": 100},
        "reward_config": {
            "type": "CASHBACK",
            "formula": "net_loss * 0.10",
            "max_amount": 500,
            "wagering_requirement": 1,
            "expiry_hours": 48,
        },
    }
    return save_rule(rule_id=rule_id, content={**documented, **content}, saved_by=None)


def make_option(code: str = "BONUS_10", **content: Any) -> RedemptionOption:
    """Return an option that gives 10.00 of bonus money for 50.00 LP."""
    given: dict[str, Any] = {
        "name": "Ten of bonus money",
        "cost_currency": "LP",
        "cost": Decimal(50),
        "gives": "BONUS",
        "amount": Decimal(10),
        "wagering_requirement": Decimal(5),
        "expiry_hours": 72,
    }
    return save_option(RedemptionOption(code=code, **{**given, **content}))


def make_tickets_option() -> RedemptionOption:
    """Return an option that gives three tickets for 30.00 LP."""
    return make_option(
        "TICKETS_3",
        name="Three tickets",
        cost=Decimal(30),
        gives="TICKETS",
        amount=Decimal(3),
        wagering_requirement=Decimal(0),
    )


def make_dinner_option() -> RedemptionOption:
    """Return an option that gives a benefit for 5.00 LP."""
    terms = {"amount": None, "wagering_requirement": Decimal(0), "expiry_hours": None}
    return make_option("DINNER", name="Dinner for two", cost=Decimal(5), gives="BENEFIT", **terms)


def make_dinner_order(player_id: str = "alice", *, key: str = "dinner") -> RedemptionOrder:
    """Return an order of a benefit for 5.00 LP that waits to be handed over."""
    if not RedemptionOption.objects.filter(code="DINNER").exists():
        make_dinner_option()
    return order_redemption(player_id=player_id, option_code="DINNER", key=key, actor="tests")


def make_rows(number: int) -> None:
    """Write one row of every kind about one player; different numbers give different rows."""
    player = make_player(f"player{number:03}", email=f"player{number}@example.com")
    user = User.objects.create_user(f"user{number}", password=PASSWORD)
    rule = make_rule(f"RULE_{number}")
    run = Run.objects.create(kind=RunKind.LIVE, business_date=ON + timedelta(days=number), started_by=user)
    step = RunStep.objects.create(run=run, position=1, name="rules")
    RunChunk.objects.create(step=step, number=1)
    OutboxEvent.objects.create(topic="bonus.converted", key=f"event:{number}", payload={})
    _make_wallet_rows(player, run, number)
    _make_player_rows(player, run, user, number)
    _make_reward_rows(player, rule, run, number)
    make_option(f"OPTION_{number}")
    make_dinner_order(player.pk, key=f"order:{number}")
    DailySummary.objects.create(on=ON + timedelta(days=number), run_id=run.pk, figures={})
    for currency in CurrencyType.values:
        amounts = dict.fromkeys(("opening", *LINES, "closing"), Decimal(0))
        LiabilityDay.objects.create(on=ON + timedelta(days=number), currency_type=currency, **amounts)


def _make_wallet_rows(player: Player, run: Run, number: int) -> None:
    key = f"row:{number}"
    add_loyalty_points(player_id=player.pk, amount="10.00", source="Play", key=f"{key}:lp", actor="tests")
    add_bonus_balance(
        player_id=player.pk, amount=20, wagering_requirement=Decimal(1), expiry=None, key=f"{key}:b", actor="tests"
    )
    CountedWager.objects.create(
        player=player,
        lot_id=player.lots.values_list("pk", flat=True)[0],
        source="platform",
        external_id=f"w{number}",
        part="WHOLE",
        staked=Decimal(5),
        contribution_weight=Decimal(1),
        contribution=Decimal(5),
        counted_at=AT,
    )
    PostingRefusal.objects.create(
        player=player, operation_key=key, purpose="PROMOTION", currency_type="LP", amount=1, reason="RESTRICTED"
    )
    place_bet(bet_id=f"bet:{number}", player_id=player.pk, stake=5, real_available=3, category="slots", actor="tests")
    LedgerDigest.objects.create(
        on=ON + timedelta(days=number), digest=b"\x00" * 32, players=1, entries=1, run_id=run.pk
    )


def _make_safety_rows(player: Player, user: User, number: int) -> None:
    SafetyViolation.objects.create(
        player=player, on=ON, path="RULE", code="UNPROFITABLE", amount=Decimal(5), figures={"expected_margin": "1.00"}
    )
    cap = RewardCap.objects.create(kind="PER_PLAYER", tier=f"T{number}", window="DAY", value=Decimal(9))
    RewardCapChange.objects.create(cap=cap, value_after=Decimal(9), is_active=True, reason="Opening", changed_by=user)
    PoolRelease.objects.create(segment="VIP", tier="", on=ON, value=Decimal(1))
    UnitValue.objects.update_or_create(currency_type="RP", defaults={"money_value": Decimal(number + 1)})


def _make_player_rows(player: Player, run: Run, user: User, number: int) -> None:
    PlayerDay.objects.create(player=player, on=ON, wagered=Decimal(100), won=Decimal(90))
    Activity.objects.create(
        player=player, kind="WAGER", source="platform", external_id=str(number), occurred_at=AT, amount=Decimal(5)
    )
    ActivityKey.objects.create(source="platform", external_id=str(number), body_hash=b"\x01" * 32, occurred_at=AT)
    ActivityException.objects.create(
        source="platform",
        external_id=f"late {number}",
        player=player,
        kind="WAGER",
        occurred_at=AT,
        reason="TOO_OLD",
        status="OPEN",
        body={"kind": "WAGER", "amount": "5.00"},
    )
    ActivityArchive.objects.create(
        month=date(2000 + number, 1, 1), file_name=f"{number}.csv.gz", sha256="0" * 64, events=1, are_keys_kept=True
    )
    SourceChange.objects.create(
        player=player, source_before="FILE", source_after="FEED", opening_as_of=ON, reason="Now live", changed_by=user
    )
    SegmentChange.objects.create(player=player, on=ON, run=run, segment_before="NEW", segment_after="LOSING")
    TierChange.objects.create(player=player, on=ON, run=run, tier_before="BRONZE", tier_after="SILVER")
    RiskScoreChange.objects.create(
        player=player, on=ON, run=run, risk_score_before=0, risk_score_after=20, abuse_score_after=0
    )
    restriction = PlayerRestriction.objects.create(
        player=player,
        kind="COOL_OFF",
        source="player",
        starts_at=AT - timedelta(days=9),
        ends_at=AT - timedelta(days=2),
        created_by=user,
    )
    RestrictionChange.objects.create(restriction=restriction, act="IMPOSED", actor="tests", changed_at=AT)
    LiftRequest.objects.create(
        restriction=restriction, source="player", reason="Again", asked_by=user, asked_at=AT, earliest_at=AT
    )
    signal = AbuseSignal.objects.create(player=player, signal_type="SHARED_DEVICE", severity=3)
    _make_review_rows(player, signal, user, number)
    AbuseSignal.objects.create(player=player, signal_type="SHARED_DEVICE", severity=3)
    _make_jurisdiction_rows(player, user, number)
    _make_safety_rows(player, user, number)
    _make_detection_rows(player, user)
    EarnRateAcceptance.objects.create(
        category_id="slots",
        points_per_unit=Decimal(6),
        worth=Decimal("0.06"),
        edge=Decimal("0.05"),
        reason="Opening week",
        first_by=user,
        ended_at=AT,
    )
    ActivityFile.objects.create(
        file_name=f"{number}.csv", content_hash="0" * 64, size_bytes=1, source="casino", headings=[], created_by=user
    )
    job = ImportJob.objects.create(file_name=f"{number}.csv", business_date=ON, created_by=user)
    ImportPlayerTotals.objects.create(
        job=job, player=player, row_number=2, deposited_after=1, wagered_after=2, won_after=3
    )


def _make_review_rows(player: Player, signal: AbuseSignal, user: User, number: int) -> None:
    case = ReviewCase.objects.create(
        player=player,
        status="ASSIGNED",
        cause="SCORE",
        reason="The abuse score is 85.",
        opened_at=AT,
        opened_by=user,
        due_at=AT,
        assigned_to=user,
        assigned_at=AT,
    )
    ReviewCase.objects.filter(pk=case.pk).update(abuse_score=85)
    AbuseSignal.objects.filter(pk=signal.pk).update(case=case)
    ReviewEvidence.objects.create(case=case, kind="REWARD", decision_id=-number - 1, text="Weekly cashback")
    ReviewEvent.objects.create(case=case, act="CLAIMED", status_before="OPEN", status_after="ASSIGNED", by=user, at=AT)


def _make_jurisdiction_rows(player: Player, user: User, number: int) -> None:
    set_jurisdiction(player_id=player.pk, code="DEFAULT", reason="Moved", by=user)
    approval = open_vip_approval(player_id=player.pk, by=user)
    record_vip_check(approval_id=approval.pk, kind="HARM", result="PASSED", evidence="None seen", by=user)
    Jurisdiction.objects.create(code=f"J{number}", name="Elsewhere")
    JurisdictionLimit.objects.create(
        jurisdiction_id=f"J{number}", kind="SINGLE_PRODUCT", valid_from=ON, clause="§ 1", clause_says="One product"
    )
    content = {"name": "Elsewhere", "limits": []}
    JurisdictionProfile.objects.create(
        code=f"J{number}", version=1, content=content, status="PROPOSED", reason="New", proposed_by=user
    )


def _make_detection_rows(player: Player, user: User) -> None:
    ring = Ring.objects.create(members_count=1, things_count=1, found_at=AT, last_seen_at=AT)
    RingMember.objects.create(ring=ring, player=player, joined_at=AT, last_seen_at=AT)
    RingThing.objects.create(ring=ring, kind="DEVICE", value="D1", members_count=1, last_seen_at=AT)
    Link.objects.create(player=player, kind="DEVICE", value="D1", first_seen_on=ON, last_seen_on=ON)
    signal = AbuseSignal.objects.create(
        player=player, signal_type="SHARED_DEVICE", detector="SHARED_DEVICE", severity=3, ring=ring
    )
    SignalLabel.objects.create(signal=signal, finding="CONFIRMED", description="", labelled_by=user, labelled_at=AT)
    settings = {"mode": "SHADOW", "severity": 3, "thresholds": {"window_days": 60}}
    DetectorChange.objects.create(
        detector_id="SHARED_DEVICE",
        before=settings,
        after={**settings, "severity": 4},
        reason="Seen enough",
        changed_by=user,
    )


def _make_reward_rows(player: Player, rule: RewardRule, run: Run, number: int) -> None:
    decision = RewardDecision.objects.create(
        player=player,
        rule=rule,
        occasion=str(ON),
        rule_version=1,
        run_id=run.pk,
        verdict="APPROVED",
        segment="LOSING",
        tier="BRONZE",
        amount_computed=Decimal(30),
        amount_given=Decimal(30),
        money_value=Decimal(30),
        first_on=ON,
        last_on=ON,
    )
    RewardHistory.objects.create(
        player=player,
        rule=rule,
        reward_type="CASHBACK",
        amount=Decimal(30),
        currency_type="BONUS",
        status="ACTIVE",
        issued_at=AT,
        decision_id=decision.pk,
        run_id=run.pk,
    )
    RuleForecast.objects.create(kind="SIMULATION", rule=rule, rule_version=1, on=ON)
    RuleBudgetDay.objects.create(rule=rule, on=ON, given_value=Decimal(30), given_count=1)
    user = User.objects.get(username=f"user{number}")
    change_rule(rule_id=rule.pk, content={"priority": 11}, by=user)
    submit_rule(rule_id=rule.pk, by=user)
    PointsEarnedDay.objects.create(player=player, on=ON, lp_earned=Decimal(10))
    PerkTask.objects.create(
        player=player,
        rule=rule,
        decision_id=decision.pk,
        run_id=run.pk,
        perk="Dinner",
        amount=Decimal(1),
        status="WAITING_APPROVAL",
        assigned_to=run.started_by,
        created_at=AT,
    )
    money = {"promotional_value": Decimal(5), "expected_cost": Decimal(5)}
    CashGrant.objects.create(player=player, granted_on=ON, decision_id=decision.pk, event_key="cash", **money)
    Contamination.objects.create(
        player=player, operation_id=number, salt="1", money_value=Decimal(5), actor="tests", credited_on=ON
    )
    _make_control_group(rule)


def _make_control_group(rule: RewardRule) -> None:
    figures = {"treated": "9.00", "held_out": "7.00", "difference": "2.00", "low": "1.00", "high": "3.00"}
    ControlGroupResult.objects.create(
        key=f"RULE {rule.pk}",
        rule=rule,
        percent=Decimal(10),
        since=ON,
        until=ON,
        figures={"treated": 90, "held_out": 10, "measures": dict.fromkeys(("wagered", "ggr", "ngr"), figures)},
        measured_at=AT,
    )

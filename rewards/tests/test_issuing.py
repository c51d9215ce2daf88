"""Issuing: for each given reward one entry, one lot and one history row; for each match one decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from core.policies import save_policy
from loyalty.pipeline import process_players
from players.models import Player, PlayerMetrics
from players.tests.factories import ON, restrict
from rewards.issuing import close_ended_rewards, issue_rewards
from rewards.models import RewardDecision, RewardHistory, RuleBudgetDay
from rewards.occasions import occasion_of_night
from rewards.rules import active_rules
from rewards.tests.factories import allocate, balance, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.models import SafetyViolation
from wallet.bonuses import add_bonus_balance
from wallet.models import LedgerEntry, Lot, Operation, PostingRefusal
from wallet.reconciliation import reconcile

AT = datetime(2025, 12, 22, 2, 30, tzinfo=UTC)
TOMORROW = ON + timedelta(days=1)


def issue_at(run: Any) -> dict[str, int]:
    occasion = occasion_of_night(run_id=run.pk, on=ON)
    return issue_rewards(active_rules(on=ON), occasion=occasion, at=AT)


def only(model: type[Model]) -> Any:
    """Return the only row there is."""
    return model._default_manager.get()


@pytest.mark.django_db
def test_a_given_reward_has_a_decision_an_operation_an_entry_a_lot_and_a_history_row() -> None:
    make_player()
    rule = make_rule(
        reward={
            "amount": 20,
            "wagering_requirement": 10,
            "expiry_hours": 48,
            "eligible_games": ["slots", "roulette"],
            "max_bet": 5,
            "max_conversion": 100,
        }
    )
    run = allocate()

    assert issue_at(run) == {"APPROVED": 1}

    row, entry, lot, history = decision(), only(LedgerEntry), only(Lot), only(RewardHistory)
    assert Operation.objects.get().key == f"reward:alice:{rule.number}:2025-12-21"
    assert (entry.currency_type, entry.amount, entry.transaction_type) == ("BONUS", 20, "BONUS_ISSUED")
    assert (entry.description, entry.created_at, entry.actor) == ("GIFT", AT, "rules")
    assert (lot.kind, lot.status, lot.amount, lot.remaining) == ("REWARD", "ACTIVE", 20, 20)
    assert (lot.wagering_required, lot.expires_at) == (200, AT + timedelta(hours=48))
    assert (lot.eligible_games, lot.max_bet, lot.max_conversion) == (["slots", "roulette"], 5, 100)
    assert (lot.granted_on, lot.promotional_value, lot.expected_cost) == (ON, 20, 10)
    assert (lot.rule_number, lot.decision_id, lot.run_id) == (rule.number, row.pk, run.pk)
    assert (history.decision_id, history.lot_id, history.run_id) == (row.pk, lot.pk, run.pk)
    assert (history.reward_type, history.amount, history.currency_type) == ("BONUS_BALANCE", 20, "BONUS")
    assert (history.status, history.wagering_required, history.wagering_completed) == ("ACTIVE", 200, 0)
    assert (history.issued_at, history.expires_at) == (AT, AT + timedelta(hours=48))
    assert balance().bonus_balance == 20
    assert balance().bonus_wagering_required == 200
    assert reconcile()["entries"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reward", "currency", "kind", "transaction_type"),
    [
        ({"type": "BONUS_BALANCE"}, "BONUS", "REWARD", "BONUS_ISSUED"),
        ({"type": "CASHBACK"}, "BONUS", "CASHBACK", "BONUS_ISSUED"),
        ({"type": "FREE_PLAY"}, "BONUS", "FREE_PLAY", "BONUS_ISSUED"),
        ({"type": "LOYALTY_POINTS"}, "LP", "REWARD", "LP_EARNED"),
        ({"type": "REWARD_POINTS"}, "RP", "REWARD", "REWARD"),
        ({"type": "TICKETS"}, "TICKETS", "REWARD", "REWARD"),
    ],
)
def test_each_type_credits_its_currency(
    reward: dict[str, str], currency: str, kind: str, transaction_type: str
) -> None:
    make_player()
    make_rule(reward=reward)

    evaluate()

    entry = only(LedgerEntry)
    assert (entry.currency_type, entry.transaction_type, entry.amount) == (currency, transaction_type, 10)
    assert Lot.objects.get().kind == kind
    assert RewardHistory.objects.get().currency_type == currency


@pytest.mark.django_db
def test_perks_credit_nothing() -> None:
    make_player()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1})

    assert evaluate() == {"PENDING_REVIEW": 1}
    assert not LedgerEntry.objects.exists()
    assert not RewardHistory.objects.exists()


@pytest.mark.django_db
def test_the_abuse_score_raises_the_requirement() -> None:
    make_player(bonus_abuse_score=70)
    make_rule(reward={"amount": 20, "wagering_requirement": 10})

    evaluate()

    assert Lot.objects.get().wagering_required == RewardHistory.objects.get().wagering_required == 300


@pytest.mark.django_db
def test_points_have_no_requirement_and_without_hours_nothing_expires() -> None:
    make_player(bonus_abuse_score=70)
    make_rule(reward={"type": "LOYALTY_POINTS", "amount": 20})

    evaluate()

    lot = Lot.objects.get()
    assert (lot.wagering_required, lot.expires_at, lot.max_bet, lot.eligible_games) == (0, None, None, None)


@pytest.mark.django_db
def test_every_match_has_a_decision_and_only_the_given_have_history() -> None:
    make_player("alice")
    make_player("bob", bonus_abuse_score=40)
    make_player("dora", bonus_abuse_score=90)
    restrict(make_player("emil"))
    make_rule("GIFT", priority=1)
    make_rule("FORTUNE", reward={"amount": 10**6})

    assert evaluate() == {"APPROVED": 1, "REDUCED": 1, "PENDING_REVIEW": 2, "REJECTED": 4}

    assert RewardDecision.objects.count() == 8
    given = RewardDecision.objects.filter(amount_given__gt=0).values_list("pk", flat=True)
    assert set(RewardHistory.objects.values_list("decision_id", flat=True)) == set(given)
    assert set(Lot.objects.values_list("decision_id", flat=True)) == set(given)


@pytest.mark.django_db
def test_issuing_twice_gives_nothing_twice() -> None:
    make_player()
    make_rule()
    run = allocate()

    assert issue(run) == {"APPROVED": 1}
    assert issue(run) == {}

    assert LedgerEntry.objects.count() == RewardHistory.objects.count() == RewardDecision.objects.count() == 1


@pytest.mark.django_db
def test_an_unchanged_refusal_is_counted_once_more_and_adds_no_row() -> None:
    make_player()
    make_rule(reward={"amount": 1000})
    evaluate(ON)
    PlayerMetrics.objects.update(total_sessions=30)

    assert evaluate(TOMORROW) == {"REJECTED again": 1}
    assert evaluate(TOMORROW) == {}

    row = RewardDecision.objects.get()
    assert (row.first_on, row.last_on, row.times) == (ON, TOMORROW, 2)
    assert row.reasons[0]["expected_margin"] != 231.43
    assert row.occasion == ON.isoformat()


@pytest.mark.django_db
def test_a_changed_refusal_is_a_new_row() -> None:
    make_player()
    make_rule(reward={"amount": 1000})
    evaluate(ON)
    restrict(Player.objects.get(pk="alice"))
    evaluate(TOMORROW)
    evaluate(TOMORROW + timedelta(days=1))

    rows = RewardDecision.objects.order_by("id").values_list("reason", "times")
    assert list(rows) == [("UNPROFITABLE", 1), ("RESTRICTED", 2)]


# ── between allocation and posting ──


@pytest.mark.django_db
def test_a_player_restricted_meanwhile_is_refused_and_the_refusal_is_kept() -> None:
    make_player("alice")
    make_player("bob")
    make_rule()
    run = allocate()
    restrict(Player.objects.get(pk="alice"))

    assert issue(run) == {"APPROVED": 1, "REJECTED": 1}

    assert verdicts("alice") == {"GIFT": "REJECTED RESTRICTED"}
    assert decision("alice").amount_given == decision("alice").money_value == 0
    assert decision("alice").reasons[0]["restriction"] == "SELF_EXCLUDED"
    assert PostingRefusal.objects.get().player_id == "alice"
    assert list(RewardHistory.objects.values_list("player_id", flat=True)) == ["bob"]
    assert not LedgerEntry.objects.filter(player_id="alice").exists()


@pytest.mark.django_db
def test_what_another_grant_crowded_out_of_the_cap_is_refused_by_priority() -> None:
    make_player()
    make_rule("FIRST", priority=2)
    make_rule("SECOND", priority=1)
    run = allocate()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="25", saved_by=None)
    add_bonus_balance(
        player_id="alice", amount=15, wagering_requirement=Decimal(0), expiry=None, key="k", actor="staff", on=ON
    )

    assert issue(run) == {"APPROVED": 1, "REJECTED": 1}

    assert verdicts() == {"FIRST": "APPROVED", "SECOND": "REJECTED CAP"}
    assert decision(rule_id="SECOND").reasons == [{"code": "CAP", "room": 10.0, "cap": "day"}]


@pytest.mark.django_db
def test_what_was_decided_live_meanwhile_is_not_given_again() -> None:
    make_player()
    make_rule(total_budget=100)
    run = allocate()
    process_players(player_ids=["alice"], on=ON)

    assert issue(run) == {}

    assert LedgerEntry.objects.count() == RewardDecision.objects.count() == RewardHistory.objects.count() == 1
    assert reserved() == [(10, 1)]


@pytest.mark.django_db
def test_a_decision_made_live_meanwhile_keeps_nobody_else_from_theirs() -> None:
    make_player("alice")
    make_player("dora")
    make_rule("GIFT", priority=2)
    make_rule("TOO_MUCH", reward={"amount": 10**6})
    run = allocate()
    process_players(player_ids=["alice"], on=ON)

    assert issue(run) == {"APPROVED": 1, "REJECTED": 1}

    assert verdicts("alice") == verdicts("dora") == {"GIFT": "APPROVED", "TOO_MUCH": "REJECTED UNPROFITABLE"}
    assert LedgerEntry.objects.count() == RewardHistory.objects.count() == 2
    assert RewardDecision.objects.count() == SafetyViolation.objects.count() + 2 == 4


@pytest.mark.django_db
def test_what_was_refused_live_meanwhile_stays_refused() -> None:
    make_player()
    make_rule()
    run = allocate()
    PlayerMetrics.objects.update(bonus_abuse_score=90)
    process_players(player_ids=["alice"], on=ON)

    assert issue(run) == {}

    assert verdicts() == {"GIFT": "PENDING_REVIEW ABUSE_REVIEW"}
    assert not LedgerEntry.objects.exists()
    assert not RewardHistory.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limits", "reason"),
    [({}, "FREQUENCY"), ({"frequency_period": "DAY", "cooldown_days": 2}, "COOLDOWN")],
)
def test_a_limit_used_up_for_another_date_meanwhile_refuses(limits: dict[str, Any], reason: str) -> None:
    make_player()
    make_rule(total_budget=100, **limits)
    run = allocate(TOMORROW)
    evaluate(ON)

    assert issue(run) == {"REJECTED": 1}

    refused = RewardDecision.objects.get(occasion=TOMORROW.isoformat())
    assert refused.amount_given == 0
    assert (refused.verdict, refused.reason) == ("REJECTED", reason)
    assert refused.reasons == [{"code": reason, "given": 0 if limits else 1, "last_on": "2025-12-21"}]
    assert LedgerEntry.objects.count() == 1
    assert reserved() == [(0, 0), (10, 1)]


def reserved() -> list[tuple[Any, int]]:
    """Return value and number of what budgets hold, the newest date first."""
    return list(RuleBudgetDay.objects.order_by("-on").values_list("given_value", "given_count"))


# ── the end of a reward ──


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lot_status", "status"),
    [("COMPLETED", "COMPLETED"), ("EXPIRED", "EXPIRED"), ("CANCELLED", "CANCELLED"), ("FORFEITED", "EXPIRED")],
)
def test_the_end_of_a_lot_ends_its_reward(lot_status: str, status: str) -> None:
    make_player("alice")
    make_player("bob")
    make_rule()
    evaluate()
    now = timezone.now()
    Lot.objects.filter(player_id="alice").update(status=lot_status, closed_at=now)

    with transaction.atomic():
        assert close_ended_rewards(since=None) == 1
        assert close_ended_rewards(since=None) == 0

    assert RewardHistory.objects.get(player_id="alice").status == status
    assert RewardHistory.objects.get(player_id="alice").completed_at == (now if status == "COMPLETED" else None)
    assert RewardHistory.objects.get(player_id="bob").status == "ACTIVE"


@pytest.mark.django_db
def test_only_lots_that_closed_since_then_are_looked_at() -> None:
    make_player()
    make_rule()
    evaluate()
    now = timezone.now()
    Lot.objects.update(status="EXPIRED", closed_at=now - timedelta(hours=1))

    assert close_ended_rewards(since=now) == 0
    assert close_ended_rewards(since=now - timedelta(hours=1)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reward_type", "hours", "expires_at"),
    [
        ("LOYALTY_POINTS", None, datetime(2026, 2, 1, tzinfo=UTC)),
        ("REWARD_POINTS", None, datetime(2025, 12, 25, tzinfo=UTC)),
        ("TICKETS", None, None),
        ("LOYALTY_POINTS", 48, AT + timedelta(hours=48)),
        ("REWARD_POINTS", 48, AT + timedelta(hours=48)),
    ],
)
def test_points_of_a_rule_without_hours_expire_by_the_policy_of_their_currency(
    reward_type: str, hours: int | None, expires_at: datetime | None
) -> None:
    save_policy(name="LP_EXPIRY_MONTHS", value="1", saved_by=None)
    save_policy(name="RP_EXPIRY", value="FIXED_DATE", saved_by=None)
    save_policy(name="RP_EXPIRY_DATE", value="12-24", saved_by=None)
    make_player()
    make_rule(reward={"type": reward_type, "amount": 5, **({"expiry_hours": hours} if hours else {})})

    assert issue_at(allocate()) == {"APPROVED": 1}

    assert (only(Lot).expires_at, only(RewardHistory).expires_at) == (expires_at, expires_at)

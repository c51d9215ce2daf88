"""Rewards that wait for a person: they join the case, whose decision sends them on their way or refuses them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.models import OutboxEvent
from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import run_together
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.explaining import explain, explain_decision
from rewards.models import PerkTask, RewardDecision, RewardHistory, RewardRule
from rewards.reviewing.deciding import decide_review, keep_reviews
from rewards.reviewing.settling import settle_rewards
from rewards.rule_life.stopping import pause_rule
from rewards.tests.factories import balance, decision, evaluate, make_player, make_rule, verdicts
from safety.models import AbuseSignal, ReviewCase, ReviewEvidence, SafetyViolation
from safety.review.appeals import AppealSource, appeal_case
from safety.review.deciding import decide_case
from safety.review.working import claim_case
from safety.tests.review.factories import make_reviewer
from wallet.models import LedgerEntry, Lot
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db


def make_waiting(rule: dict[str, Any] | None = None, **player: Any) -> ReviewCase:
    """Return the case of alice, whose reward of ten waits because her signals add up to 100."""
    alice = make_player(bonus_abuse_score=100, **player)
    for _ in range(2):
        AbuseSignal.objects.create(player=alice, signal_type="SHARED_DEVICE", severity=10)
    make_rule(**(rule or {"reward": {"wagering_requirement": 10}}))
    assert evaluate() == {"PENDING_REVIEW": 1}
    return ReviewCase.objects.get()


def decide(case: ReviewCase, outcome: str = "DISMISSED", *, by: User | None = None, **more: Any) -> ReviewCase:
    by = by or make_reviewer("rita")
    claim_case(case_id=case.pk, by=by)
    return decide_review(case_id=case.pk, outcome=outcome, reason="Looked at it", by=by, **more)


def codes() -> list[str]:
    return [reason["code"] for reason in decision().reasons]


def test_a_reward_that_waits_opens_a_case_with_its_money_value() -> None:
    case = make_waiting()

    assert (case.status, case.cause, case.reason) == ("OPEN", "REWARD", "A reward waits because of the abuse score.")
    assert (case.money_at_stake, case.abuse_score) == (Decimal("10.00"), 100)
    evidence = case.evidence.get()
    assert (evidence.decision_id, evidence.money_value, evidence.settled_at) == (decision().pk, Decimal("10.00"), None)
    assert case.signals.count() == 2


def test_points_that_wait_count_by_their_unit_value() -> None:
    case = make_waiting({"reward": {"type": "LOYALTY_POINTS", "amount": 500}})

    # A loyalty point is worth 0.01.
    assert case.money_at_stake == Decimal("5.00")


def test_a_dismissed_case_gives_the_reward_the_ordinary_way() -> None:
    decide(make_waiting())

    found = decision()
    assert (found.verdict, found.reason, found.amount_given) == ("APPROVED", "", Decimal("10.00"))
    assert codes() == ["ABUSE_REVIEW", "REVIEW_RELEASED"]
    history = RewardHistory.objects.get()
    assert history.decision_id == found.pk
    assert (history.amount, history.wagering_required) == (Decimal(10), Decimal(100))
    assert balance().bonus_balance == 10
    lot = Lot.objects.get()
    assert (lot.decision_id, lot.granted_on) == (found.pk, timezone.localdate())
    assert RewardDecision.objects.count() == 1
    assert found.first_on == ON
    assert not reconcile().get("problems")


def test_other_systems_hear_of_a_released_reward() -> None:
    case = decide(make_waiting())

    told = OutboxEvent.objects.get(topic="reward.released").payload
    assert (told["case_id"], told["decision_id"], told["player_id"]) == (case.pk, decision().pk, "alice")
    assert (told["rule_id"], told["verdict"], told["amount"]) == ("GIFT", "APPROVED", "10.00")
    assert case.events.filter(act="REWARDS").get().text == "Rewards that waited: 1 approved."
    assert ReviewEvidence.objects.get().settlement == "APPROVED"


def test_a_confirmed_case_refuses_the_reward_and_says_why() -> None:
    case = decide(make_waiting(), "CONFIRMED")

    assert verdicts() == {"GIFT": "REJECTED ABUSE_CONFIRMED"}
    assert decision().reasons[-1] == {"code": "ABUSE_CONFIRMED", "case": case.pk, "abuse_score": 100}
    assert not LedgerEntry.objects.exists()
    assert OutboxEvent.objects.get(topic="reward.refused").payload["reason"] == "ABUSE_CONFIRMED"


@pytest.mark.parametrize(
    ("severities", "given", "wagering"),
    [
        ((10, 6), "10.00", "150.00"),  # 80: the requirement × 1.5
        ((10, 2), "5.00", "50.00"),  # 60: half
        ((6,), "10.00", "100.00"),  # 30: nothing
    ],
)
def test_what_was_confirmed_in_part_still_has_its_consequences(
    severities: tuple[int, ...], given: str, wagering: str
) -> None:
    case = make_waiting()
    for severity in severities:
        AbuseSignal.objects.create(player=case.player, signal_type="OTHER", severity=severity, case=case)
    judgements = {
        signal.pk: "CONFIRMED" if signal.signal_type == "OTHER" else "DISMISSED" for signal in case.signals.all()
    }

    decide(case, "PARTIAL", signals=judgements)

    history = RewardHistory.objects.get()
    assert (str(history.amount), str(history.wagering_required)) == (given, wagering)


def test_a_score_that_stays_above_the_threshold_refuses_what_was_confirmed_in_part() -> None:
    case = make_waiting()
    AbuseSignal.objects.create(player=case.player, signal_type="OTHER", severity=1, case=case)
    judgements = {
        signal.pk: "DISMISSED" if signal.signal_type == "OTHER" else "CONFIRMED" for signal in case.signals.all()
    }

    decide(case, "PARTIAL", signals=judgements)

    assert verdicts() == {"GIFT": "REJECTED ABUSE_CONFIRMED"}
    assert codes() == ["ABUSE_REVIEW", "REVIEW_RELEASED", "ABUSE_CONFIRMED"]


def test_what_forbids_the_reward_by_now_refuses_it() -> None:
    case = make_waiting()
    restrict(case.player)

    decide(case)

    assert verdicts() == {"GIFT": "REJECTED RESTRICTED"}
    assert not LedgerEntry.objects.exists()


def test_caps_cut_a_released_reward() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="4", saved_by=None)

    decide(make_waiting())

    assert verdicts() == {"GIFT": "REDUCED"}
    assert decision().amount_given == 4


def test_a_reward_that_costs_more_than_its_player_earns_by_now_is_refused() -> None:
    case = make_waiting()
    save_policy(name="PROFIT_HORIZON_DAYS", value="1", saved_by=None)
    case.player.metrics.__class__.objects.update(total_wagered=Decimal(1), total_won=Decimal(0))

    decide(case)

    assert verdicts() == {"GIFT": "REJECTED UNPROFITABLE"}


def test_the_figures_of_a_released_reward_are_those_that_its_margin_followed_from() -> None:
    case = make_waiting()
    save_policy(name="PROFIT_HORIZON_DAYS", value="60", saved_by=None)

    decide(case)

    found = decision()
    # 15,000 ÷ (25 + 10) a day × 12 days of 60 × 1.8 × 0.05.
    assert (found.wager_per_active_day, found.active_days) == (Decimal("428.5714"), Decimal("12.0000"))
    assert found.expected_margin == Decimal("462.86")


@pytest.mark.parametrize(("outcome", "code"), [("DISMISSED", "RESTRICTED"), ("CONFIRMED", "ABUSE_CONFIRMED")])
def test_what_safety_refuses_of_waiting_rewards_is_listed(outcome: str, code: str) -> None:
    case = make_waiting()
    restrict(case.player)

    decide(case, outcome)

    listed = list(SafetyViolation.objects.order_by("id").values_list("code", "decision_id", "on"))
    assert listed == [("ABUSE_REVIEW", decision().pk, ON), (code, decision().pk, timezone.localdate())]


def test_a_budget_that_is_used_up_refuses_a_released_reward() -> None:
    case = make_waiting({"daily_budget": 5, "reward": {"wagering_requirement": 10}})

    decide(case)

    assert verdicts() == {"GIFT": "REJECTED BUDGET"}


def test_a_rule_that_is_paused_by_now_gives_nothing() -> None:
    case = make_waiting()
    pause_rule(rule_id="GIFT", reason="A mistake", by=None)

    decide(case)

    assert verdicts() == {"GIFT": "REJECTED RULE_STOPPED"}


def test_the_version_that_was_decided_is_given() -> None:
    case = make_waiting()
    make_rule(reward={"amount": 99})

    decide(case)

    assert decision().amount_given == 10


def test_a_player_whom_staff_removed_is_given_nothing() -> None:
    case = make_waiting()
    Player.objects.update(is_active=False)

    decide(case)

    assert verdicts() == {"GIFT": "REJECTED REVIEW_UNANSWERED"}


def test_a_rule_that_has_ended_by_now_still_gives_what_it_decided_in_time() -> None:
    case = make_waiting({"starts_on": ON, "ends_on": ON, "reward": {"wagering_requirement": 10}})

    decide(case)

    assert verdicts() == {"GIFT": "APPROVED"}


def test_a_perk_released_waits_for_its_approval() -> None:
    case = make_waiting({"reward": {"type": "VIP_PERKS", "amount": 1, "perk": "Dinner"}})

    decide(case)

    assert verdicts() == {"GIFT": "PENDING_REVIEW NEEDS_APPROVAL"}
    assert PerkTask.objects.get().decision_id == decision().pk


def test_a_reward_paid_as_cash_is_released_as_cash() -> None:
    case = make_waiting({"reward": {"type": "CASHBACK", "amount": 10, "withdrawable": True}})

    decide(case)

    assert OutboxEvent.objects.get(topic="reward.cash").payload["decision_id"] == decision().pk


def test_a_reward_that_waited_counts_for_the_frequency_on_its_own_day() -> None:
    case = make_waiting({"frequency_period": "DAY", "frequency_max": 1, "reward": {"wagering_requirement": 10}})
    decide(case)

    assert evaluate(ON) == {}
    assert evaluate(ON + timedelta(days=1)) == {"APPROVED": 1}


def test_settling_again_does_nothing_more() -> None:
    case = decide(make_waiting())

    assert settle_rewards(case_id=case.pk) == {}
    assert keep_reviews(at=timezone.now(), keys=KeyRange.holding("alice"))["cases settled"] == 0
    assert LedgerEntry.objects.count() == 1


def test_settling_at_once_gives_once(transactional_db: None) -> None:
    case = make_waiting()
    rita = make_reviewer("rita")
    claim_case(case_id=case.pk, by=rita)
    decide_case(case_id=case.pk, outcome="DISMISSED", reason="Fine", by=rita)

    outcomes = run_together(*[lambda: settle_rewards(case_id=case.pk)] * 3)

    assert sorted(outcomes, key=str) == [{"APPROVED": 1}, {}, {}]
    assert balance().bonus_balance == 10


def test_nothing_is_released_while_the_case_is_undecided() -> None:
    case = make_waiting()

    assert settle_rewards(case_id=case.pk) == {}
    assert verdicts() == {"GIFT": "PENDING_REVIEW ABUSE_REVIEW"}


def test_the_night_settles_what_a_decision_left_and_closes_the_case() -> None:
    case = make_waiting()
    rita = make_reviewer("rita")
    claim_case(case_id=case.pk, by=rita)
    decide_case(case_id=case.pk, outcome="DISMISSED", reason="Fine", by=rita)

    counts = keep_reviews(at=timezone.now(), keys=KeyRange.holding("alice"))

    assert (counts["cases settled"], counts["cases closed"]) == (1, 1)
    assert verdicts() == {"GIFT": "APPROVED"}


def test_after_a_confirmed_case_the_next_night_refuses_without_asking_again() -> None:
    case = decide(make_waiting({"frequency_period": "DAY", "reward": {"wagering_requirement": 10}}), "CONFIRMED")

    for days in (1, 2, 3):
        evaluate(ON + timedelta(days=days))

    assert verdicts() == {"GIFT": "REJECTED ABUSE_CONFIRMED"}
    assert ReviewCase.objects.get() == case
    # The day that waited, and one row that counts the refusals since.
    assert list(RewardDecision.objects.order_by("id").values_list("times", flat=True)) in ([1, 3], [4])


def test_an_appeal_that_succeeds_gives_the_reward_that_was_refused() -> None:
    case = decide(make_waiting(), "CONFIRMED")
    sam = make_reviewer("sam")
    appeal_case(case_id=case.pk, text="It was my brother", source=AppealSource.PLAYER, by=sam)

    decide(case, by=sam)

    assert verdicts() == {"GIFT": "APPROVED"}
    assert codes() == ["ABUSE_REVIEW", "ABUSE_CONFIRMED", "REVIEW_RELEASED"]
    assert balance().bonus_balance == 10


def test_an_appeal_that_fails_leaves_the_reward_refused() -> None:
    case = decide(make_waiting(), "CONFIRMED")
    sam = make_reviewer("sam")
    appeal_case(case_id=case.pk, text="It was my brother", source=AppealSource.PLAYER, by=sam)

    decide(case, "CONFIRMED", by=sam)

    assert verdicts() == {"GIFT": "REJECTED ABUSE_CONFIRMED"}
    assert not LedgerEntry.objects.exists()


def test_rewards_of_several_rules_compete_when_they_are_released() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="12", saved_by=None)
    alice = make_player(bonus_abuse_score=100)
    AbuseSignal.objects.create(player=alice, signal_type="SHARED_DEVICE", severity=10)
    for rule_id, priority in {"FIRST": 9, "SECOND": 1}.items():
        make_rule(rule_id, priority=priority, reward={"wagering_requirement": 10})
    evaluate()
    assert RewardRule.objects.count() == 2

    decide(ReviewCase.objects.get())

    assert verdicts() == {"FIRST": "APPROVED", "SECOND": "REDUCED"}
    assert decision(rule_id="SECOND").amount_given == 2


def test_what_became_of_a_waiting_reward_is_told_in_one_sentence() -> None:
    case = decide(make_waiting(), "CONFIRMED")
    refused = explain_decision(decision())

    assert refused.summary == (
        "Nothing was given: the abuse score of 100 needs a person to look; "
        f"review case {case.pk} confirmed abuse; the score is 100."
    )
    evaluate(ON + timedelta(days=40))
    tomorrow = explain(player_id="alice", rule_id="GIFT", at=ON + timedelta(days=41))
    assert next(check for check in tomorrow.safety if check.name == "Abuse").sentence == (
        f"review case {case.pk} confirmed abuse; the score is 100"
    )


def test_a_released_reward_says_which_case_let_it_go() -> None:
    case = decide(make_waiting())

    assert explain_decision(decision()).summary == (
        "10.00 (bonus money) was given: the abuse score of 100 needs a person to look; "
        f"review case {case.pk} let it go its ordinary way."
    )

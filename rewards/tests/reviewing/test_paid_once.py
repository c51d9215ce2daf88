"""What waited for a person is paid for its own play once, whatever the rule has paid meanwhile."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from players.models import PlayerMetrics
from players.tests.factories import ON
from rewards.models import RewardDecision, RewardHistory
from rewards.tests.factories import allocate, decision, evaluate, issue
from rewards.tests.reviewing.test_settling import decide, make_waiting
from safety.abuse import score_players
from safety.models import AbuseSignal, ReviewCase
from safety.review.appeals import AppealSource, appeal_case
from safety.tests.review.factories import make_reviewer

pytestmark = pytest.mark.django_db
SINCE = {"formula": "net_loss_since_last_reward * 0.01", "max_amount": 100, "wagering_requirement": 10}


def forget_score(days_old: int = 400) -> None:
    """Let the signals fade until they count for nothing."""
    AbuseSignal.objects.update(detected_at=timezone.now() - timedelta(days=days_old))
    score_players(on=ON, at=timezone.now())


def confirmed(**rule: Any) -> ReviewCase:
    """Return the case that refused the reward of ten that waited on the first day."""
    return decide(make_waiting({"reward": {"wagering_requirement": 10}, **rule}), "CONFIRMED")


def win_appeal(case: ReviewCase) -> ReviewCase:
    sam = make_reviewer("sam")
    appeal_case(case_id=case.pk, text="It was my brother", source=AppealSource.PLAYER, by=sam)
    return decide(case, by=sam)


def paid() -> list[Decimal]:
    return list(RewardHistory.objects.order_by("id").values_list("amount", flat=True))


def first_decision() -> RewardDecision:
    return RewardDecision.objects.earliest("id")


def test_play_that_a_waiting_reward_was_for_is_not_measured_again() -> None:
    # A net loss of 3,000: one percent is 30.
    case = make_waiting({"frequency_period": "DAY", "reward": SINCE})
    assert decision().amount_computed == 30

    evaluate(ON + timedelta(days=1))
    PlayerMetrics.objects.update(total_wagered=Decimal(15500))
    evaluate(ON + timedelta(days=2))
    decide(case)

    # The loss of 3,000 and the loss of 500 since.
    assert paid() == [Decimal("30.00"), Decimal("5.00")]


def test_a_reward_restored_on_appeal_is_not_paid_beside_one_that_the_rule_gave_since() -> None:
    case = confirmed()
    forget_score()
    assert evaluate(ON + timedelta(days=8)) == {"APPROVED": 1}

    case = win_appeal(case)

    assert paid() == [Decimal("10.00")]
    first = first_decision()
    assert (first.verdict, first.reason) == ("REJECTED", "PAID_MEANWHILE")
    assert first.reasons[-1] == {"code": "PAID_MEANWHILE", "case": case.pk, "on": str(ON + timedelta(days=8))}


@pytest.mark.parametrize(
    ("rule", "days", "rewards"),
    [
        ({"frequency_period": "WEEK"}, 4, 2),  # another week
        ({"frequency_period": "DAY", "cooldown_days": 5}, 4, 1),  # would have kept the later one from being given
        ({"frequency_period": "DAY", "cooldown_days": 4}, 4, 2),
        ({"frequency_period": "MONTH", "frequency_max": 2}, 1, 2),
        ({"frequency_period": "DAY", "reward": SINCE}, 3, 1),  # measured the same loss
    ],
)
def test_what_a_rule_may_give_beside_another_is_restored(rule: dict[str, Any], days: int, rewards: int) -> None:
    case = confirmed(**rule)
    forget_score()
    assert evaluate(ON + timedelta(days=days)) == {"APPROVED": 1}

    win_appeal(case)

    assert len(paid()) == rewards


def test_a_restored_reward_leaves_the_day_of_its_release_to_the_rule() -> None:
    today = timezone.localdate()
    case = confirmed(frequency_period="DAY")
    evaluate(today + timedelta(days=1))
    # The refusal of the next day was counted in the row of the reward that had waited.
    assert first_decision().times == 2
    forget_score()
    win_appeal(case)

    assert evaluate(today) == {"APPROVED": 1}
    assert len(paid()) == 2


def test_what_a_night_under_way_is_about_to_give_is_not_restored_beside_it() -> None:
    case = confirmed(frequency_period="DAY", reward=SINCE)
    forget_score()
    night = allocate(ON + timedelta(days=8))

    win_appeal(case)
    issue(night)

    assert paid() == [Decimal("30.00")]
    assert first_decision().reason == "PAID_MEANWHILE"

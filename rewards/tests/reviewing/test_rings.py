"""A ring of twenty decided with one look: every player has a decision of their own, or nobody has one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import InvalidInputError, LoyaltyError, NotFoundError
from core.models import OutboxEvent, Run
from core.tests.threads import run_together
from players.models import PlayerMetrics
from players.tests.factories import ON
from rewards.models import RewardDecision, RewardHistory
from rewards.reviewing.rings import decide_ring
from rewards.tests.factories import evaluate, make_player, make_rule
from safety.models import AbuseSignal, ReviewCase, ReviewEvent
from safety.review.appeals import AppealSource, appeal_case
from safety.review.errors import ReviewOutdatedError, ReviewStatusError
from safety.review.opening import open_ring_cases
from safety.review.rings import claim_ring
from safety.review.working import claim_case
from safety.tests.review.factories import make_reviewer, make_ring
from wallet.models import LedgerEntry

pytestmark = pytest.mark.django_db


def make_members(count: int) -> int:
    """Return the number of a ring of players whose reward of ten waits."""
    ring = make_ring()
    for number in range(count):
        player = make_player(f"P{number:02}", bonus_abuse_score=100)
        for _ in range(2):
            AbuseSignal.objects.create(player=player, signal_type="SHARED_DEVICE", severity=10, ring=ring)
    make_rule(reward={"wagering_requirement": 10})
    assert evaluate() == {"PENDING_REVIEW": count}
    return ring.pk


def decide(ring: int, outcome: str = "CONFIRMED", *, by: User, **more: Any) -> list[ReviewCase]:
    outcomes = {case.pk: outcome for case in ReviewCase.objects.filter(assigned_to=by)}
    given = {"outcomes": outcomes, "reason": "Three devices, one card", **more}
    return decide_ring(ring_number=ring, by=by, **given)


def test_twenty_are_confirmed_at_once_and_each_is_kept_by_itself() -> None:
    ring, rita = make_members(20), make_reviewer()

    assert len(claim_ring(ring_number=ring, by=rita)) == 20
    decided = decide(ring, by=rita)

    assert {case.outcome for case in decided} == {"CONFIRMED"}
    events = ReviewEvent.objects.filter(act="DECIDED").order_by("id")
    assert [event.case_id for event in events] == [case.pk for case in decided]
    assert {(event.by, event.text, event.details["ring"]) for event in events} == {
        (rita, "Three devices, one card", ring)
    }
    assert all(len(event.details["signals"]) == 2 for event in events)
    assert OutboxEvent.objects.filter(topic="review.decided").count() == 20
    assert OutboxEvent.objects.filter(topic="reward.refused").count() == 20
    assert set(RewardDecision.objects.values_list("verdict", "reason")) == {("REJECTED", "ABUSE_CONFIRMED")}
    assert set(AbuseSignal.objects.values_list("outcome", "judged_by")) == {("CONFIRMED", rita.pk)}


def test_what_waited_for_a_dismissed_ring_is_given_in_one_run() -> None:
    ring, rita = make_members(3), make_reviewer()
    claim_ring(ring_number=ring, by=rita)
    runs = Run.objects.count()

    decide(ring, "DISMISSED", by=rita)

    assert Run.objects.count() == runs + 1
    assert set(RewardDecision.objects.values_list("player_id", "verdict")) == {
        ("P00", "APPROVED"), ("P01", "APPROVED"), ("P02", "APPROVED"),
    }  # fmt: skip
    assert LedgerEntry.objects.count() == 3
    assert set(PlayerMetrics.objects.values_list("bonus_abuse_score", flat=True)) == {0}
    assert [event.text for event in ReviewEvent.objects.filter(act="REWARDS")] == [
        "Rewards that waited: 1 approved."
    ] * 3


def test_days_and_versions_that_differ_are_each_released_as_they_were_decided() -> None:
    ring, rita = make_ring(), make_reviewer()
    for number, amount in enumerate((10, 12)):
        player = make_player(f"P{number:02}", bonus_abuse_score=100)
        for _ in range(2):
            AbuseSignal.objects.create(player=player, signal_type="SHARED_DEVICE", severity=10, ring=ring)
        make_rule(frequency_period="DAY", reward={"amount": amount, "wagering_requirement": 10})
        evaluate(ON + timedelta(days=number))
    claim_ring(ring_number=ring.pk, by=rita)
    runs = Run.objects.count()

    decide(ring.pk, "DISMISSED", by=rita)

    # The first player waited on two days, under two versions of the rule.
    given = RewardHistory.objects.order_by("player_id", "amount").values_list("player_id", "amount")
    assert list(given) == [("P00", Decimal(10)), ("P00", Decimal(12)), ("P01", Decimal(12))]
    assert Run.objects.count() == runs + 3
    assert set(RewardDecision.objects.values_list("verdict", flat=True)) == {"APPROVED"}


def test_releasing_more_of_a_ring_asks_for_no_more_statements_of_the_rewards() -> None:
    ring, rita = make_members(5), make_reviewer()
    claim_ring(ring_number=ring, by=rita)
    numbers = list(ReviewCase.objects.order_by("player_id").values_list("pk", flat=True))
    asked = []
    for chosen in (numbers[:1], numbers[1:]):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            decide(ring, "DISMISSED", by=rita, outcomes=dict.fromkeys(chosen, "DISMISSED"))
        asked.append(sum("rule_allocations" in query["sql"] for query in queries))

    assert asked[0] == asked[1]


def test_a_member_may_be_judged_apart_or_left() -> None:
    ring, rita = make_members(3), make_reviewer()
    first, second, third = claim_ring(ring_number=ring, by=rita)

    decide(ring, by=rita, outcomes={first.pk: "CONFIRMED", second.pk: "DISMISSED"})

    assert list(ReviewCase.objects.order_by("player_id").values_list("status", "outcome")) == [
        ("DECIDED", "CONFIRMED"), ("DECIDED", "DISMISSED"), ("ASSIGNED", ""),
    ]  # fmt: skip
    assert third.signals.filter(outcome="").count() == 2


def test_evidence_that_joined_since_leaves_the_whole_ring_undecided() -> None:
    ring, rita = make_members(2), make_reviewer()
    _, second = claim_ring(ring_number=ring, by=rita)
    seen = list(AbuseSignal.objects.values_list("pk", flat=True))
    AbuseSignal.objects.create(player=second.player, signal_type="LATE", severity=1, case=second)

    with pytest.raises(ReviewOutdatedError):
        decide(ring, by=rita, seen=seen)

    assert set(ReviewCase.objects.values_list("status", flat=True)) == {"ASSIGNED"}
    assert not AbuseSignal.objects.exclude(outcome="").exists()


def test_what_another_has_is_claimed_and_decided_by_nobody_else() -> None:
    ring, rita, sam = make_members(3), make_reviewer("rita"), make_reviewer("sam")
    of_sam = ReviewCase.objects.earliest("player_id")
    claim_case(case_id=of_sam.pk, by=sam)

    mine = claim_ring(ring_number=ring, by=rita)

    assert of_sam not in mine
    with pytest.raises(ReviewStatusError, match=f"case {of_sam.pk} is sam's"):
        decide(ring, by=rita, outcomes={of_sam.pk: "CONFIRMED", mine[0].pk: "CONFIRMED"})
    assert not ReviewCase.objects.filter(status="DECIDED").exists()


def test_members_without_signals_need_a_severity_and_the_others_none() -> None:
    ring, rita = make_members(1), make_reviewer()
    make_player("P01")
    open_ring_cases(ring_number=ring, reasons={"P01": "Same card"})
    claim_ring(ring_number=ring, by=rita)

    with pytest.raises(InvalidInputError, match="finding_severity must say how severe"):
        decide(ring, by=rita)
    decide(ring, by=rita, finding_severity=8)

    found = AbuseSignal.objects.filter(signal_type="STAFF_FINDING").get()
    assert (found.player_id, found.severity) == ("P01", 8)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ({}, "cases names 0 cases: 1 to 500"),
        ({1: "PARTIAL"}, "'PARTIAL': each is CONFIRMED or DISMISSED"),
        ({2**40: "CONFIRMED"}, f"case {2**40} is not one of ring"),
    ],
)
def test_a_decision_of_a_ring_that_cannot_be_used_says_what_is_wrong(outcomes: dict[int, str], message: str) -> None:
    ring, rita = make_members(1), make_reviewer()

    with pytest.raises(LoyaltyError, match=message):
        decide(ring, by=rita, outcomes=outcomes)


def test_an_appeal_is_not_decided_with_the_ring() -> None:
    ring, rita, sam = make_members(2), make_reviewer("rita"), make_reviewer("sam")
    claim_ring(ring_number=ring, by=rita)
    first, _ = decide(ring, by=rita)
    appeal_case(case_id=first.pk, text="It was my brother", source=AppealSource.PLAYER, by=sam)

    with pytest.raises(NotFoundError, match="has no case that is still to be decided for the first time"):
        claim_ring(ring_number=ring, by=sam)


def test_a_ring_that_two_decide_at_once_is_decided_once(transactional_db: None) -> None:
    ring, rita = make_members(4), make_reviewer()
    claim_ring(ring_number=ring, by=rita)
    outcomes = dict.fromkeys(ReviewCase.objects.values_list("pk", flat=True), "DISMISSED")

    ended = run_together(*[lambda: decide(ring, by=rita, outcomes=outcomes)] * 2)

    assert sum(isinstance(one, LoyaltyError) for one in ended) == 1
    assert LedgerEntry.objects.count() == 4

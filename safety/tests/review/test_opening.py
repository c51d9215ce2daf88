"""Which players come under review, and what joins the case they have."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import DatabaseError, transaction

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import run_together
from players.tests.factories import AT, ON, make_player
from safety.abuse import score_players
from safety.detection.running import look_at_player
from safety.models import AbuseSignal, ReviewCase, ReviewEvent, Ring
from safety.review.opening import flag_for_review, open_due_cases, open_ring_cases
from safety.tests.factories import make_signal
from safety.tests.review.factories import acts, case_of, make_abuser, make_reviewer, make_ring, open_case
from wallet.bonuses import add_bonus_balance

pytestmark = pytest.mark.django_db


def test_a_score_of_81_opens_a_case_and_80_does_not() -> None:
    for player_id, severities in {"alice": (10, 6), "bob": (10, 6, 1)}.items():
        make_abuser(player_id, severities)
    save_policy(name="ABUSE_REVIEW_FROM", value="81", saved_by=None)

    counts = open_due_cases(at=AT)

    # 5 × 16 = 80 and 5 × 17 = 85.
    assert counts == {"cases opened": 1, "signals joined": 3, "players blocked": 0}
    case = case_of("bob")
    assert (case.status, case.cause, case.abuse_score) == ("OPEN", "SCORE", 85)
    assert case.reason == "The abuse score is 85: shared device."
    assert case.opened_by is None


def test_from_which_score_a_case_is_opened_is_a_policy() -> None:
    make_abuser("alice", (8,))
    save_policy(name="ABUSE_REVIEW_FROM", value="40", saved_by=None)

    assert open_due_cases(at=AT)["cases opened"] == 1


def test_only_players_of_the_range_are_looked_at() -> None:
    make_abuser("alice")
    make_abuser("bob")

    open_due_cases(at=AT, keys=KeyRange(lower="b"))

    assert list(ReviewCase.objects.values_list("player_id", flat=True)) == ["bob"]


def test_a_second_look_opens_nothing_more() -> None:
    make_abuser()

    open_due_cases(at=AT)

    assert open_due_cases(at=AT) == {"cases opened": 0, "signals joined": 0, "players blocked": 0}
    assert acts(case_of()) == ["OPENED", "EVIDENCE"]


def test_a_new_signal_joins_the_case_there_is() -> None:
    alice = make_abuser()
    case = open_case()
    late = make_signal(alice, 2)
    score_players(on=ON, at=AT)

    assert open_due_cases(at=AT)["signals joined"] == 1

    late.refresh_from_db()
    case.refresh_from_db()
    assert late.case == case
    assert case.abuse_score == 95
    assert case.events.first().details == {"signals": [late.pk]}  # type: ignore[union-attr]


def test_a_look_at_one_player_opens_the_case_that_the_score_asks_for() -> None:
    make_abuser("alice")
    make_abuser("bob")

    assert look_at_player("alice", at=AT)[0] == 85

    assert list(ReviewCase.objects.values_list("player_id", flat=True)) == ["alice"]


def test_two_nights_at_once_open_one_case(transactional_db: None) -> None:
    make_abuser()

    outcomes = run_together(*[lambda: open_due_cases(at=AT)["cases opened"]] * 4)

    assert sorted(outcomes) == [0, 0, 0, 1]
    assert ReviewCase.objects.count() == 1
    assert AbuseSignal.objects.filter(case=case_of()).count() == 2


def test_a_case_is_due_within_two_days_and_an_urgent_one_within_twelve_hours() -> None:
    make_abuser("alice")
    make_abuser("bob")
    add_bonus_balance(
        player_id="bob", amount=1000, wagering_requirement=Decimal(0), expiry=timedelta(days=9), key="b", actor="test"
    )

    open_due_cases(at=AT)

    alice, bob = case_of("alice"), case_of("bob")
    assert (alice.due_at, alice.money_at_stake) == (AT + timedelta(hours=48), Decimal("0.00"))
    assert (bob.due_at, bob.money_at_stake) == (AT + timedelta(hours=12), Decimal("1000.00"))
    # (money + 1) × score.
    assert (alice.priority, bob.priority) == (Decimal(85), Decimal(85085))
    assert list(ReviewCase.objects.all()) == [bob, alice]


def test_a_person_flags_a_player_with_a_reason() -> None:
    make_player("alice")
    rita = make_reviewer()

    case = flag_for_review("alice", "Two names on one card", by=rita, at=AT)

    assert (case.cause, case.reason, case.opened_by, case.abuse_score) == ("FLAG", "Two names on one card", rita, 0)
    assert OutboxEvent.objects.get().topic == "review.opened"
    assert OutboxEvent.objects.get().payload == {
        "case_id": case.pk,
        "player_id": "alice",
        "cause": "FLAG",
        "reason": "Two names on one card",
        "at": "2025-12-21T12:00:00+00:00",
    }


def test_a_flag_on_a_player_under_review_joins_the_case() -> None:
    make_abuser()
    case = open_case()

    assert flag_for_review("alice", "Card of a third person") == case
    assert case.events.first().text == "Card of a third person"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("player_id", "reason", "error", "message"),
    [
        ("dora", "Why", NotFoundError, "there is no player 'dora'"),
        ("alice", "", InvalidInputError, "reason is empty"),
        ("alice", "x" * 501, InvalidInputError, "at most 500"),
    ],
)
def test_a_flag_that_cannot_be_used_says_why(player_id: str, reason: str, error: type[Exception], message: str) -> None:
    make_player("alice")

    with pytest.raises(error, match=message):
        flag_for_review(player_id, reason)

    assert not ReviewCase.objects.exists()


def test_a_ring_opens_a_case_for_every_member_and_marks_the_one_there_is() -> None:
    make_abuser("alice")
    for player_id in ("bob", "carl"):
        make_player(player_id)
    open_case()

    opened = open_ring_cases(ring_number=7, reasons=dict.fromkeys(("alice", "bob", "carl"), "One device"), at=AT)

    assert opened == 2
    assert set(ReviewCase.objects.values_list("player_id", "ring_number", "cause")) == {
        ("alice", 7, "SCORE"),
        ("bob", 7, "RING"),
        ("carl", 7, "RING"),
    }


def test_a_signal_that_names_a_ring_opens_a_case_whatever_the_score() -> None:
    alice = make_abuser("alice", ())
    AbuseSignal.objects.create(
        player=alice,
        signal_type="SHARED_DEVICE",
        severity=2,
        description="One of 5 accounts that share 3 devices.",
        ring=make_ring(),
        detected_at=AT,
    )

    open_due_cases(at=AT)

    case = case_of()
    ring = Ring.objects.get()
    assert (case.cause, case.ring_number) == ("RING", ring.pk)
    assert case.reason == f"Of ring {ring.pk}: One of 5 accounts that share 3 devices."


def test_a_ring_found_later_marks_the_case_there_is() -> None:
    alice = make_abuser()
    case = open_case()
    make_signal(alice, 1)
    ring = make_ring()
    AbuseSignal.objects.filter(severity=1).update(ring=ring)

    open_due_cases(at=AT)

    case.refresh_from_db()
    assert (case.cause, case.ring_number) == ("SCORE", ring.pk)


def test_what_happened_to_a_case_cannot_be_rewritten() -> None:
    make_abuser()
    event = open_case().events.latest("id")

    for change in (lambda: ReviewEvent.objects.filter(pk=event.pk).update(text="Nothing"), event.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_the_database_keeps_every_state_of_a_case_whoever_changes_it() -> None:
    make_abuser()
    case = open_case()

    ReviewCase.objects.filter(pk=case.pk).update(reason="Another reason")

    states = apps.get_model("safety", "ReviewCaseHistory").objects.filter(pgh_obj_id=case.pk)
    assert states.latest("pgh_id").reason == "Another reason"

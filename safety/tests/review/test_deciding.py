"""What a decision does: to the signals, the score, the block, and to whoever decides at the same time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from core.errors import InvalidInputError, LoyaltyError
from core.models import OutboxEvent
from core.policies import save_policy
from core.tests.threads import run_together
from players.models import Player, PlayerMetrics, PlayerRestriction, RestrictionChange, RiskScoreChange
from players.tests.factories import AT, ON, make_measured, make_player
from safety.abuse import calculate_abuse_score, score_players
from safety.models import AbuseSignal, ReviewCase
from safety.review.deciding import decide_case
from safety.review.errors import ReviewOutdatedError, ReviewStatusError
from safety.review.opening import flag_for_review, open_due_cases
from safety.review.working import claim_case
from safety.tests.factories import make_signal
from safety.tests.review.factories import acts, claimed_case, make_abuser, make_reviewer, open_case
from wallet.tests.factories import give_bonus, remaining

pytestmark = pytest.mark.django_db


def decide(case: ReviewCase, outcome: str = "CONFIRMED", **more: Any) -> ReviewCase:
    given = {"reason": "Looked at it", "at": AT, "by": case.assigned_to, **more}
    return decide_case(case_id=case.pk, outcome=outcome, **given)


def score(player_id: str = "alice") -> tuple[int, int]:
    """Return the stored abuse and risk scores."""
    abuse = PlayerMetrics.objects.get(player_id=player_id).bonus_abuse_score
    return abuse, Player.objects.get(pk=player_id).risk_score


def test_dismissed_signals_leave_the_score_at_once_with_history() -> None:
    make_abuser()
    case = decide(claimed_case(make_reviewer()), "DISMISSED")

    assert (case.status, case.outcome, case.abuse_score) == ("DECIDED", "DISMISSED", 0)
    assert score() == (0, 0)
    assert set(AbuseSignal.objects.values_list("outcome", "is_resolved", "resolved_at")) == {("DISMISSED", True, AT)}
    last = RiskScoreChange.objects.latest("id")
    assert (last.risk_score_before, last.risk_score_after, last.abuse_score_after) == (85, 0, 0)


def test_confirmed_signals_stay_in_the_score_and_fade_from_their_detection() -> None:
    make_abuser()
    decide(claimed_case(make_reviewer()), "CONFIRMED")

    assert score() == (85, 85)
    assert set(AbuseSignal.objects.values_list("outcome", "is_resolved")) == {("CONFIRMED", False)}
    # 85 × 0.5 = 42.5 after a half-life and 85 × 0.25 = 21.25 after two, however late it was decided.
    assert calculate_abuse_score("alice", at=AT + timedelta(days=90)) == 43
    assert calculate_abuse_score("alice", at=AT + timedelta(days=180)) == 21


def test_each_signal_may_be_judged_by_itself() -> None:
    make_abuser()
    case = claimed_case(make_reviewer())
    strong, weak = AbuseSignal.objects.order_by("id")

    decide(case, "PARTIAL", signals={strong.pk: "DISMISSED", weak.pk: "CONFIRMED"})

    assert score() == (35, 35)
    assert list(AbuseSignal.objects.order_by("id").values_list("outcome", flat=True)) == ["DISMISSED", "CONFIRMED"]


def test_a_decision_is_kept_with_who_when_why_and_before_and_after() -> None:
    make_abuser()
    rita = make_reviewer()
    case = decide(claimed_case(rita), "DISMISSED", reason="A family on one connection")

    event = case.events.first()
    assert event is not None
    numbers = AbuseSignal.objects.values_list("pk", flat=True)
    assert (event.act, event.by, event.at, event.text) == ("DECIDED", rita, AT, "A family on one connection")
    assert (event.status_before, event.status_after) == ("ASSIGNED", "DECIDED")
    assert event.details == {
        "outcome_before": "",
        "outcome": "DISMISSED",
        "score_before": 85,
        "score_after": 0,
        "signals": {str(number): "DISMISSED" for number in numbers},
    }
    judged = AbuseSignal.objects.first()
    assert judged is not None
    assert (judged.judged_by, judged.judged_at, judged.judgement) == (rita, AT, "A family on one connection")
    told = OutboxEvent.objects.get(topic="review.decided").payload
    assert (told["case_id"], told["player_id"], told["outcome"], told["is_appeal"]) == (
        case.pk, "alice", "DISMISSED", False,
    )  # fmt: skip


def test_a_confirmed_player_is_not_put_under_review_again_without_new_evidence() -> None:
    alice = make_abuser()
    decide(claimed_case(make_reviewer()), "CONFIRMED")

    assert open_due_cases(at=AT)["cases opened"] == 0

    make_signal(alice, 1)
    assert open_due_cases(at=AT)["cases opened"] == 1


def test_a_confirmed_signal_found_again_by_newer_evidence_is_judged_anew() -> None:
    make_abuser()
    decide(claimed_case(make_reviewer()), "CONFIRMED")
    AbuseSignal.objects.filter(severity=10).update(detected_at=AT + timedelta(days=1))

    counts = open_due_cases(at=AT + timedelta(days=2))

    assert (counts["cases opened"], counts["signals joined"]) == (1, 1)
    assert AbuseSignal.objects.get(severity=10).outcome == ""
    states = apps.get_model("safety", "AbuseSignalHistory").objects.filter(severity=10).order_by("pgh_id")
    assert list(states.values_list("outcome", flat=True)) == ["", "CONFIRMED", ""]


def test_only_whoever_has_the_case_decides_it() -> None:
    make_abuser()
    case = open_case()
    rita, sam = make_reviewer("rita"), make_reviewer("sam")

    with pytest.raises(ReviewStatusError, match="is nobody's: claim it before deciding it"):
        decide(case, by=rita)
    claim_case(case_id=case.pk, by=sam)
    with pytest.raises(ReviewStatusError, match="is sam's"):
        decide(case, by=rita)

    assert score() == (85, 85)


def test_what_is_decided_is_not_decided_again() -> None:
    make_abuser()
    rita = make_reviewer()
    case = decide(claimed_case(rita))

    with pytest.raises(ReviewStatusError, match="is DECIDED: only one that is OPEN, ASSIGNED, APPEALED can be decided"):
        decide(case, "DISMISSED", by=rita)
    assert acts(case).count("DECIDED") == 1


def test_of_two_decisions_at_once_one_stands_and_the_other_is_told(transactional_db: None) -> None:
    make_abuser()
    case = claimed_case(make_reviewer())

    outcomes = run_together(lambda: decide(case, "CONFIRMED"), lambda: decide(case, "DISMISSED"))

    refused = [outcome for outcome in outcomes if isinstance(outcome, LoyaltyError)]
    assert [error.code for error in refused] == ["review_status"]
    stands = ReviewCase.objects.get()
    assert acts(stands).count("DECIDED") == 1
    assert score() == ((0, 0) if stands.outcome == "DISMISSED" else (85, 85))


def test_evidence_that_joined_since_is_not_judged_unseen() -> None:
    alice = make_abuser()
    case = claimed_case(make_reviewer())
    seen = dict.fromkeys(AbuseSignal.objects.values_list("pk", flat=True), "DISMISSED")
    late = make_signal(alice, 3)
    open_due_cases(at=AT)

    with pytest.raises(ReviewOutdatedError, match=f"{late.pk} joined") as refused:
        decide(case, "DISMISSED", signals=seen)

    assert refused.value.details == {"joined": [late.pk], "left": []}
    case.refresh_from_db()
    assert case.status == "ASSIGNED"


@pytest.mark.parametrize(
    ("outcome", "more", "message"),
    [
        ("GUILTY", {}, "outcome is 'GUILTY': one of CONFIRMED, DISMISSED, PARTIAL"),
        ("CONFIRMED", {"reason": ""}, "reason is empty"),
        ("CONFIRMED", {"reason": "x" * 1001}, "at most 1000"),
        ("PARTIAL", {}, "signals must say what each one is"),
        ("CONFIRMED", {"finding_severity": 5}, "only for confirming a case without signals"),
    ],
)
def test_a_decision_that_cannot_be_used_says_what_is_wrong(outcome: str, more: dict[str, Any], message: str) -> None:
    make_abuser()
    case = claimed_case(make_reviewer())

    with pytest.raises(InvalidInputError, match=message):
        decide(case, outcome, **more)

    assert score() == (85, 85)


def test_an_outcome_that_its_judgements_do_not_add_up_to_is_refused() -> None:
    make_abuser()
    case = claimed_case(make_reviewer())
    strong, weak = AbuseSignal.objects.order_by("id").values_list("pk", flat=True)

    with pytest.raises(InvalidInputError, match="with these judgements it is PARTIAL"):
        decide(case, "CONFIRMED", signals={strong: "CONFIRMED", weak: "DISMISSED"})
    with pytest.raises(InvalidInputError, match="'MAYBE': each is CONFIRMED or DISMISSED"):
        decide(case, "PARTIAL", signals={strong: "CONFIRMED", weak: "MAYBE"})


def test_what_a_person_found_becomes_a_signal() -> None:
    make_measured("alice")
    rita = make_reviewer()
    case = claim_case(case_id=flag_for_review("alice", "Two names on one card", at=AT).pk, by=rita)

    with pytest.raises(InvalidInputError, match="finding_severity must say how severe"):
        decide(case, "CONFIRMED")
    decide(case, "CONFIRMED", finding_severity=8)

    found = AbuseSignal.objects.get()
    assert (found.signal_type, found.severity, found.outcome, found.case) == ("STAFF_FINDING", 8, "CONFIRMED", case)
    assert score() == (40, 40)


def test_nobody_is_blocked_unless_a_policy_says_so() -> None:
    make_abuser("alice", (10, 10))
    open_case()

    assert not PlayerRestriction.objects.exists()


def test_a_player_is_blocked_from_the_score_on_with_what_it_stands_on() -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="95", saved_by=None)
    make_abuser("alice", (10, 9))
    make_abuser("bob", (10, 8))

    assert open_due_cases(at=AT)["players blocked"] == 1

    block = PlayerRestriction.objects.get()
    assert (block.player_id, block.kind, block.source, block.ends_at) == ("alice", "BLOCKED", "abuse score", None)
    assert block.evidence["abuse_score"] == 95
    assert [signal["severity"] for signal in block.evidence["signals"]] == [10, 9]
    assert ReviewCase.objects.get(player_id="alice").restriction == block
    assert open_due_cases(at=AT)["players blocked"] == 0


def test_the_bonuses_of_a_player_whom_the_score_blocks_end_in_the_same_transaction() -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)
    make_abuser("alice")
    make_player("bob")
    for name in ("alice", "bob"):
        give_bonus(name, "20.00", key=name)

    open_due_cases(at=AT)

    assert PlayerRestriction.objects.get().applied_at == AT
    assert (remaining("alice"), remaining("bob")) == ([("0.00", "CANCELLED")], [("20.00", "ACTIVE")])
    assert RestrictionChange.objects.order_by("pk").values_list("act", "actor")[1] == ("APPLIED", "abuse score")


@pytest.mark.parametrize(("outcome", "is_lifted"), [("DISMISSED", True), ("CONFIRMED", False)])
def test_the_block_ends_when_it_was_not_abuse(outcome: str, *, is_lifted: bool) -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)
    make_abuser()
    case = claimed_case(make_reviewer())

    decide(case, outcome, at=AT + timedelta(hours=1))

    ends_at = PlayerRestriction.objects.get().ends_at
    assert ends_at == (AT + timedelta(hours=1) if is_lifted else None)
    assert ("UNBLOCKED" in acts(case)) is is_lifted


def test_a_player_whom_staff_blocked_is_not_blocked_twice() -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)
    alice = make_abuser()
    PlayerRestriction.objects.create(player=alice, kind="BLOCKED", source="staff", starts_at=AT)

    open_due_cases(at=AT)

    assert PlayerRestriction.objects.count() == 1


def test_a_case_of_a_player_without_measures_is_decided_too() -> None:
    make_player("alice")
    case = claim_case(case_id=flag_for_review("alice", "Why", at=AT).pk, by=make_reviewer())

    assert decide(case, "DISMISSED").outcome == "DISMISSED"
    assert score_players(on=ON, at=AT) == 0

"""Appeals: who files one, who decides it, what it may change, and when it is too late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from core.errors import LoyaltyError
from core.policies import save_policy
from core.tests.threads import run_together
from players.models import PlayerMetrics, PlayerRestriction
from players.tests.factories import AT
from safety.models import AbuseSignal, ReviewCase
from safety.review.appeals import AppealSource, appeal_case, close_settled_cases
from safety.review.deciding import decide_case
from safety.review.errors import AnotherReviewerNeededError, AppealRefusedError, ReviewStatusError
from safety.review.opening import flag_for_review
from safety.review.working import assign_case, claim_case
from safety.tests.review.factories import acts, claimed_case, make_abuser, make_reviewer

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(days=3)


def confirmed(rita: User, outcome: str = "CONFIRMED") -> ReviewCase:
    make_abuser()
    case = claimed_case(rita)
    return decide_case(case_id=case.pk, outcome=outcome, reason="Seen", by=rita, at=AT)


def appeal(case: ReviewCase, by: User, **more: object) -> ReviewCase:
    given = {"text": "It was my brother", "source": AppealSource.PLAYER, "at": LATER, **more}
    return appeal_case(case_id=case.pk, by=by, **given)  # type: ignore[arg-type]


def test_an_appeal_is_decided_by_somebody_else() -> None:
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    case = appeal(confirmed(rita), rita)
    assert (case.status, case.assigned_to, case.appeal_text) == ("APPEALED", None, "It was my brother")
    assert case.due_at == LATER + timedelta(hours=72)

    with pytest.raises(AnotherReviewerNeededError, match="was decided by rita before: somebody else"):
        claim_case(case_id=case.pk, by=rita)
    with pytest.raises(AnotherReviewerNeededError):
        assign_case(case_id=case.pk, to=rita, by=sam)
    claim_case(case_id=case.pk, by=sam)
    decide_case(case_id=case.pk, outcome="DISMISSED", reason="He is right", by=sam, at=LATER)

    case.refresh_from_db()
    assert (case.status, case.outcome, case.decided_by) == ("DECIDED", "DISMISSED", sam)
    assert PlayerMetrics.objects.get().bonus_abuse_score == 0
    assert acts(case)[-4:] == ["DECIDED", "APPEALED", "CLAIMED", "DECIDED"]


def test_an_appeal_lifts_the_block() -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    case = appeal(confirmed(rita), rita)
    claim_case(case_id=case.pk, by=sam)

    decide_case(case_id=case.pk, outcome="DISMISSED", reason="He is right", by=sam, at=LATER)

    assert PlayerRestriction.objects.get().ends_at == LATER


def test_an_appeal_makes_nothing_worse() -> None:
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    make_abuser()
    case = claimed_case(rita)
    strong, weak = AbuseSignal.objects.order_by("id").values_list("pk", flat=True)
    judgements = {strong: "CONFIRMED", weak: "DISMISSED"}
    decide_case(case_id=case.pk, outcome="PARTIAL", reason="Seen", by=rita, signals=judgements, at=AT)
    appeal(case, rita)
    claim_case(case_id=case.pk, by=sam)

    decide_case(case_id=case.pk, outcome="CONFIRMED", reason="It stands", by=sam, at=LATER)

    assert list(AbuseSignal.objects.order_by("id").values_list("outcome", flat=True)) == ["CONFIRMED", "DISMISSED"]


def test_a_case_is_appealed_once_unless_a_policy_allows_more() -> None:
    rita, sam, tom = (make_reviewer(name) for name in ("rita", "sam", "tom"))
    case = appeal(confirmed(rita), rita)
    claim_case(case_id=case.pk, by=sam)
    decide_case(case_id=case.pk, outcome="CONFIRMED", reason="It stands", by=sam, at=LATER)

    with pytest.raises(AppealRefusedError, match=r"was appealed 1 time\(s\): at most 1 is allowed"):
        appeal(case, tom)
    save_policy(name="REVIEW_APPEALS_MAX", value="2", saved_by=None)
    appeal(case, tom)

    for before in (rita, sam):
        with pytest.raises(AnotherReviewerNeededError):
            claim_case(case_id=case.pk, by=before)
    assert claim_case(case_id=case.pk, by=tom).assigned_to == tom


@pytest.mark.parametrize(("days", "is_late"), [(29, False), (30, True)])
def test_an_appeal_comes_within_thirty_days(days: int, *, is_late: bool) -> None:
    rita = make_reviewer()
    case = confirmed(rita)
    at = AT + timedelta(days=days)

    if is_late:
        with pytest.raises(AppealRefusedError, match="could be appealed until 2026-01-20 12:00 UTC"):
            appeal(case, rita, at=at)
    else:
        assert appeal(case, rita, at=at).status == "APPEALED"


def test_there_is_nothing_to_appeal_in_a_dismissal() -> None:
    rita = make_reviewer()

    with pytest.raises(AppealRefusedError, match="there is nothing to appeal"):
        appeal(confirmed(rita, "DISMISSED"), rita)


def test_an_appeal_waits_for_another_case_of_the_player() -> None:
    rita = make_reviewer()
    case = confirmed(rita)
    other = flag_for_review("alice", "Something else", at=AT)

    with pytest.raises(ReviewStatusError, match=f"case {other.pk} of player alice is not decided yet"):
        appeal(case, rita)


def test_of_two_appeals_at_once_one_is_filed(transactional_db: None) -> None:
    rita = make_reviewer()
    case = confirmed(rita)

    outcomes = run_together(lambda: appeal(case, rita), lambda: appeal(case, rita))

    assert sum(isinstance(outcome, LoyaltyError) for outcome in outcomes) == 1
    assert ReviewCase.objects.get().appeals == 1


@pytest.mark.parametrize(
    ("outcome", "days", "closed"), [("DISMISSED", 0, 1), ("CONFIRMED", 29, 0), ("CONFIRMED", 30, 1)]
)
def test_a_case_is_closed_once_nobody_can_appeal(outcome: str, days: int, closed: int) -> None:
    case = confirmed(make_reviewer(), outcome)

    assert close_settled_cases(at=AT + timedelta(days=days)) == closed

    assert (acts(case)[-1] == "CLOSED") is bool(closed)
    if closed:
        case.refresh_from_db()
        with pytest.raises(LoyaltyError):
            appeal(case, make_reviewer("sam"), at=AT + timedelta(days=days))

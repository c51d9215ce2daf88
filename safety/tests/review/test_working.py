"""Who has a case, and what is noted about it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from core.errors import InvalidInputError, NotFoundError
from core.runs import ALL_KEYS
from core.tests.threads import run_together
from players.tests.factories import AT
from safety.models import ReviewCase
from safety.review.errors import ReviewStatusError
from safety.review.working import (
    add_link,
    add_note,
    assign_case,
    claim_case,
    free_cases_of_leavers,
    release_case,
)
from safety.tests.review.factories import acts, case_of, claimed_case, make_abuser, make_reviewer, open_case

pytestmark = pytest.mark.django_db


def test_whoever_claims_a_case_has_it_and_keeps_it() -> None:
    make_abuser()
    rita = make_reviewer()

    case = claimed_case(rita)

    assert (case.status, case.assigned_to, case.assigned_at) == ("ASSIGNED", rita, AT)
    assert claim_case(case_id=case.pk, by=rita) == case
    assert acts(case) == ["OPENED", "EVIDENCE", "CLAIMED"]


def test_a_case_of_somebody_else_is_not_claimed_and_names_them() -> None:
    make_abuser()
    case = claimed_case(make_reviewer("rita"))

    with pytest.raises(ReviewStatusError, match="is rita's: it must be given back or reassigned first"):
        claim_case(case_id=case.pk, by=make_reviewer("sam"))


def test_of_two_who_claim_at_once_one_has_it(transactional_db: None) -> None:
    make_abuser()
    case = open_case()
    people = [make_reviewer(name) for name in ("rita", "sam", "tom")]

    outcomes = run_together(*[lambda by=by: claim_case(case_id=case.pk, by=by) for by in people])

    assert sum(isinstance(outcome, ReviewStatusError) for outcome in outcomes) == 2
    assert acts(case).count("CLAIMED") == 1


def test_a_case_is_handed_from_one_to_another() -> None:
    make_abuser()
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    case = claimed_case(rita)

    assign_case(case_id=case.pk, to=sam, by=rita)

    assert case_of().assigned_to == sam
    event = case.events.first()
    assert event is not None
    assert (event.act, event.by) == ("ASSIGNED", rita)
    assert event.details == {"assigned_before": "rita", "assigned_to": "sam"}


def test_a_case_given_back_is_open_again() -> None:
    make_abuser()
    rita = make_reviewer()
    case = claimed_case(rita)

    release_case(case_id=case.pk, by=rita)

    assert (case_of().status, case_of().assigned_to) == ("OPEN", None)
    with pytest.raises(ReviewStatusError, match="is nobody's"):
        release_case(case_id=case.pk, by=rita)


def test_the_case_of_another_is_given_back_only_by_whoever_may_assign() -> None:
    make_abuser()
    rita, lead = make_reviewer("rita"), make_reviewer("lead")
    case = claimed_case(rita)

    with pytest.raises(ReviewStatusError, match="only its owner or whoever may assign cases"):
        release_case(case_id=case.pk, by=lead)
    lead.user_permissions.add(Permission.objects.get(codename="assign_reviewcase"))
    release_case(case_id=case.pk, by=type(lead).objects.get(pk=lead.pk))

    assert case_of().status == "OPEN"


def test_notes_and_links_stay_in_the_order_they_were_written() -> None:
    make_abuser()
    rita = make_reviewer()
    case = open_case()

    add_note(case_id=case.pk, text="Called the player", by=rita)
    add_link(case_id=case.pk, url="https://tickets.example/4711", text="Complaint", by=rita)
    add_note(case_id=case.pk, text="No answer", by=rita)

    told = [(event.act, event.text) for event in case.events.order_by("id")][2:]
    assert told == [("NOTED", "Called the player"), ("EVIDENCE", "Complaint"), ("NOTED", "No answer")]
    assert case.evidence.get().url == "https://tickets.example/4711"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "tickets 4711", "https://a b", "h" * 501])
def test_what_is_no_address_is_refused(url: str) -> None:
    make_abuser()
    case = open_case()

    with pytest.raises(InvalidInputError, match="url"):
        add_link(case_id=case.pk, url=url, text="Complaint", by=None)


def test_an_unknown_case_is_named() -> None:
    with pytest.raises(NotFoundError, match="there is no review case 17"):
        claim_case(case_id=17, by=make_reviewer())
    assert not ReviewCase.objects.exists()


@pytest.mark.parametrize("leaves", ["is switched off", "loses the role"])
def test_whoever_leaves_holds_no_case_back(leaves: str) -> None:
    make_abuser()
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    case = claimed_case(rita)
    if leaves == "loses the role":
        rita.user_permissions.clear()
    else:
        User.objects.filter(pk=rita.pk).update(is_active=False)

    assert claim_case(case_id=case.pk, by=sam).assigned_to == sam


def test_the_night_gives_back_the_cases_of_who_left() -> None:
    for player_id in ("alice", "bob"):
        make_abuser(player_id)
    rita, sam = make_reviewer("rita"), make_reviewer("sam")
    of_rita, of_sam = claimed_case(rita, "alice"), claimed_case(sam, "bob")
    User.objects.filter(pk=rita.pk).update(is_active=False)

    assert free_cases_of_leavers(at=AT, keys=ALL_KEYS) == 1

    of_rita.refresh_from_db()
    of_sam.refresh_from_db()
    assert (of_rita.status, of_rita.assigned_to, of_sam.assigned_to) == ("OPEN", None, sam)
    event = of_rita.events.first()
    assert event is not None
    assert (event.act, event.by, event.text) == ("RELEASED", None, "rita may not decide cases any more.")
    assert event.details == {"assigned_before": "rita", "assigned_to": None}


def test_a_case_is_handed_to_nobody_who_may_not_decide_it() -> None:
    make_abuser()
    case, rita = open_case(), make_reviewer("rita")

    with pytest.raises(InvalidInputError, match="alan may not decide cases"):
        assign_case(case_id=case.pk, to=User.objects.create_user("alan"), by=rita)

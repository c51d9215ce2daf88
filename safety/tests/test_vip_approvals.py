"""VIP status in Great Britain: three checks, a second person, and a last date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.errors import InvalidInputError
from players.models import Player, PlayerRestriction
from players.tests.factories import make_player, restrict
from safety.jurisdictions.changing import ProfileStatusError, SecondPersonNeededError
from safety.models import VipApproval
from safety.vip_approvals import (
    VipApprovalNeededError,
    VipChecksMissingError,
    approve_vip,
    check_vip_approval,
    open_vip_approval,
    record_vip_check,
    refuse_vip,
    revoke_vip,
    vip_standing,
)

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
KINDS = ("AFFORDABILITY", "SOURCE_OF_FUNDS", "HARM")


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def ben() -> User:
    return User.objects.create_user("ben")


def checked(anna: User, *kinds: str, result: str = "PASSED") -> VipApproval:
    approval = open_vip_approval(player_id="alice", by=anna, at=AT)
    for kind in kinds:
        record_vip_check(approval_id=approval.pk, kind=kind, result=result, evidence="Bank statements", by=anna, at=AT)
    return approval


def make_vip(country: str = "United Kingdom") -> None:
    make_player(country=country, segment="VIP")


def test_the_segment_alone_makes_nobody_a_vip_in_great_britain() -> None:
    make_vip()

    standing = vip_standing("alice", on=ON)

    assert (standing.segment, standing.vip_status) == ("VIP", False)
    assert standing.lacks == "affordability, source of funds, harm, a second person"
    with pytest.raises(VipApprovalNeededError, match="missing: affordability"):
        check_vip_approval("alice", on=ON)


def test_elsewhere_the_segment_is_enough() -> None:
    make_vip("Germany")

    assert vip_standing("alice", on=ON).vip_status
    check_vip_approval("alice", on=ON)


def test_three_passed_checks_and_a_second_person_make_a_vip(anna: User, ben: User) -> None:
    make_vip()
    approval = checked(anna, *KINDS)
    assert vip_standing("alice", on=ON).lacks == "a second person"

    with pytest.raises(SecondPersonNeededError, match="somebody else"):
        approve_vip(approval_id=approval.pk, by=anna, at=AT)
    approve_vip(approval_id=approval.pk, by=ben, valid_until=date(2026, 6, 30), at=AT)

    assert vip_standing("alice", on=date(2026, 6, 30)).vip_status
    ended = vip_standing("alice", on=date(2026, 7, 1))
    assert (ended.vip_status, ended.lacks) == (False, "a new approval: the last one ended on 2026-06-30")


def test_a_missing_or_failed_check_is_named(anna: User, ben: User) -> None:
    make_vip()
    approval = checked(anna, "AFFORDABILITY", "SOURCE_OF_FUNDS")
    record_vip_check(approval_id=approval.pk, kind="AFFORDABILITY", result="FAILED", evidence="Debts", by=anna, at=AT)

    with pytest.raises(VipChecksMissingError) as refused:
        approve_vip(approval_id=approval.pk, by=ben, at=AT)

    assert refused.value.details["missing"] == ["affordability", "indicators of harm"]
    assert vip_standing("alice", on=ON).lacks == "affordability, harm, a second person"


def test_a_check_made_again_leaves_what_it_found_before_and_whoever_made_that_cannot_decide(
    anna: User, ben: User
) -> None:
    make_vip()
    approval = checked(anna, "SOURCE_OF_FUNDS", "HARM")
    for by, result in ((ben, "FAILED"), (anna, "PASSED")):
        record_vip_check(
            approval_id=approval.pk, kind="AFFORDABILITY", result=result, evidence="Payslips", by=by, at=AT
        )

    made = approval.checks.filter(kind="AFFORDABILITY").values_list("result", "checked_by__username", "replaced_at")
    assert list(made) == [("FAILED", "ben", AT), ("PASSED", "anna", None)]
    with pytest.raises(SecondPersonNeededError, match="ben took part in the checks"):
        approve_vip(approval_id=approval.pk, by=ben, at=AT)
    record_vip_check(approval_id=approval.pk, kind="AFFORDABILITY", result="FAILED", evidence="Debts", by=anna, at=AT)
    with pytest.raises(VipChecksMissingError, match="affordability"):
        approve_vip(approval_id=approval.pk, by=User.objects.create_user("carl"), at=AT)


def test_a_revoked_or_refused_approval_holds_no_more(anna: User, ben: User) -> None:
    make_vip()
    approval = approve_vip(approval_id=checked(anna, *KINDS).pk, by=ben, at=AT)
    revoke_vip(approval_id=approval.pk, by=anna, note="Complained of losses", at=AT)

    assert vip_standing("alice", on=ON).lacks == "a new approval: the last one was revoked"
    with pytest.raises(ProfileStatusError, match="is revoked"):
        refuse_vip(approval_id=approval.pk, by=anna, note="Late", at=AT)


def test_an_approval_lasts_no_longer_than_the_policy_and_needs_evidence(anna: User, ben: User) -> None:
    make_vip()
    approval = checked(anna, *KINDS)

    with pytest.raises(InvalidInputError, match="2026-03-10 to 2027-03-10 is possible"):
        approve_vip(approval_id=approval.pk, by=ben, valid_until=date(2028, 1, 1), at=AT)
    with pytest.raises(InvalidInputError, match="evidence is empty"):
        record_vip_check(approval_id=approval.pk, kind="HARM", result="PASSED", evidence="", by=anna)
    with pytest.raises(ProfileStatusError, match="under way already"):
        open_vip_approval(player_id="alice", by=anna)


@pytest.mark.parametrize(("kind", "holds"), [("RG_HARM", False), ("SELF_EXCLUDED", False), ("BLOCKED", True)])
def test_an_approval_holds_until_harm_is_recorded_after_its_check(
    kind: str, *, holds: bool, anna: User, ben: User
) -> None:
    make_vip()
    approve_vip(approval_id=checked(anna, *KINDS).pk, by=ben, at=AT)
    restriction = restrict(Player.objects.get(), kind)

    assert vip_standing("alice", on=ON).vip_status is holds
    # What was checked before counts no more once it has ended.
    PlayerRestriction.objects.filter(pk=restriction.pk).update(ends_at=timezone.now() - timedelta(days=1))
    assert vip_standing("alice", on=ON).vip_status is holds


def test_nobody_is_approved_while_harm_is_recorded_and_a_check_made_afterwards_counts(anna: User, ben: User) -> None:
    make_vip()
    restriction = restrict(Player.objects.get(), "RG_HARM")
    approval = checked(anna, *KINDS)

    with pytest.raises(VipChecksMissingError, match="harm"):
        approve_vip(approval_id=approval.pk, by=ben, at=AT)
    assert VipApproval.objects.get().status == "OPEN"

    PlayerRestriction.objects.filter(pk=restriction.pk).update(ends_at=timezone.now() - timedelta(days=1))
    later = timezone.now()
    record_vip_check(approval_id=approval.pk, kind="HARM", result="PASSED", evidence="Call 17", by=anna, at=later)
    approve_vip(approval_id=approval.pk, by=ben, at=later)
    assert vip_standing("alice", on=timezone.localdate(later)).vip_status

"""Profiles of jurisdictions: what breaks them, how they change, and credits by hand under them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from players.models import Jurisdiction, JurisdictionLimit, LimitKind, RestrictionEffect
from players.tests.factories import make_player, restrict
from safety.grants import credit_bonus, credit_points
from safety.jurisdictions.changing import (
    ProfileStatusError,
    SecondPersonNeededError,
    accept_profile,
    propose_profile,
    refuse_profile,
)
from safety.jurisdictions.problems import ProfileInvalidError
from safety.jurisdictions.profiles import profile_of
from safety.jurisdictions.violations import Incentive, known_games, violations
from safety.models import JurisdictionProfile
from wallet.ledger import JurisdictionLimitError, PlayerRestrictedError, Posted
from wallet.models import Lot, PostingRefusal

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)


def user(name: str) -> User:
    return User.objects.create_user(name)


def broken(on: date = ON, **terms: Any) -> dict[str, str]:
    """Return by kind what an incentive breaks of Great Britain's profile."""
    incentive = Incentive(**{"reward_type": "BONUS_BALANCE", "is_bonus_money": True, **terms})
    found = violations(incentive, profile=profile_of("GB"), on=on, games=known_games())
    return {one.limit.kind.value: one.message for one in found}


def gift(requirement: str, amount: str = "50.00", **terms: Any) -> Posted:
    given = {"eligible_games": ["slots"], "key": "gift", "actor": "staff", **terms}
    return credit_bonus(
        player_id="alice",
        amount=amount,
        wagering_requirement=Decimal(requirement),
        expiry=timedelta(hours=48),
        **given,
    )


def content_of(code: str = "GB", **changes: Any) -> dict[str, Any]:
    return {**JurisdictionProfile.objects.get(code=code, status="IN_FORCE").content, **changes}


def limit(kind: LimitKind, **values: Any) -> dict[str, Any]:
    return {"kind": kind.value, "valid_from": "2026-01-01", "clause": "§ 1", "clause_says": "…", **values}


def put_in_force(*limits: dict[str, Any]) -> JurisdictionProfile:
    """Add limits to Great Britain's profile, as two people do."""
    content = content_of(limits=[*content_of()["limits"], *limits])
    proposed = propose_profile(code="GB", content=content, reason="A new clause", by=user("first"))
    return accept_profile(profile_id=proposed.pk, by=user("second"))


def test_ten_times_the_bonus_may_be_required_and_no_more() -> None:
    assert broken(turnover_multiple=Decimal(10), eligible_games=("slots",)) == {}
    assert broken(turnover_multiple=Decimal("10.01"), eligible_games=("slots",)) == {
        "WAGERING_REQUIREMENT_MAX": "a turnover of 10.01 × the bonus is required, at most 10 × may be"
    }


def test_a_clause_holds_from_its_first_date_on() -> None:
    assert broken(date(2026, 1, 18), turnover_multiple=Decimal(50), eligible_games=("slots", "other")) == {}
    assert set(broken(date(2026, 1, 19), turnover_multiple=Decimal(50), eligible_games=("slots", "other"))) == {
        "WAGERING_REQUIREMENT_MAX",
        "SINGLE_PRODUCT",
    }


def test_an_incentive_is_for_one_product_type_unless_it_is_free_of_conditions() -> None:
    from players.models import GameCategory

    GameCategory.objects.create(code="football", name="Football", house_edge_rate=Decimal("0.05"), product="BETTING")

    assert broken(eligible_games=("slots", "roulette"), turnover_multiple=Decimal(5)) == {}
    assert broken(eligible_games=("slots", "football"))["SINGLE_PRODUCT"] == "it mixes product types: BETTING, CASINO"
    assert set(broken(turnover_multiple=Decimal(1))) == {"SINGLE_PRODUCT"}
    assert broken() == {}


def test_a_category_of_unknown_type_counts_as_a_type_of_its_own() -> None:
    assert broken(eligible_games=("other",)) == {}
    assert broken(eligible_games=("other", "slots"))["SINGLE_PRODUCT"] == (
        "it mixes product types: CASINO, other of unknown type"
    )


def test_amount_validity_and_types_can_be_limited() -> None:
    put_in_force(
        limit(LimitKind.BONUS_AMOUNT_MAX, value="100"),
        limit(LimitKind.VALIDITY_HOURS_MIN, value="72"),
        limit(LimitKind.REWARD_TYPES_FORBIDDEN, names=["FREE_PLAY"]),
    )

    found = broken(reward_type="FREE_PLAY", amount_max=Decimal(150), expiry_hours=24)

    assert found == {
        "REWARD_TYPES_FORBIDDEN": "FREE_PLAY may not be given",
        "BONUS_AMOUNT_MAX": "150 may be given, at most 100 is allowed",
        "VALIDITY_HOURS_MIN": "it may be played for 24 hours, at least 72 are needed",
    }


def test_an_advisory_limit_binds_nobody() -> None:
    put_in_force(limit(LimitKind.BONUS_AMOUNT_MAX, value="10", severity="ADVISORY"))

    assert broken(amount_max=Decimal(150)) == {}


def test_a_credit_by_hand_is_refused_with_the_clause_and_kept_as_evidence() -> None:
    make_player(country="United Kingdom")

    assert gift("10").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match=r"20 × the bonus is required.*5\.1\.1 \(3\)\(a\)"):
        gift("20", key="larger")
    with pytest.raises(JurisdictionLimitError, match="mixes product types"):
        gift("5", key="mixed", eligible_games=["slots", "other"])

    assert Lot.objects.count() == 1
    assert [kept.details["limit"] for kept in PostingRefusal.objects.order_by("id")] == [
        "WAGERING_REQUIREMENT_MAX",
        "SINGLE_PRODUCT",
    ]


def test_a_credit_on_deposit_and_bonus_is_measured_on_the_bonus() -> None:
    """Six times a deposit of 50 and a bonus of 50 is 600 of turnover: 12 × the bonus."""
    make_player(country="United Kingdom")
    on_both: dict[str, Any] = {"wagering_basis": "DEPOSIT_AND_BONUS", "deposit": Decimal("50.00")}

    assert gift("5", **on_both).outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match="12 × the bonus"):
        gift("6", key="larger", **on_both)


def test_indicators_of_harm_block_although_the_matrix_forgot_them() -> None:
    alice = make_player(country="United Kingdom")
    restrict(alice, "RG_HARM")
    with pytest.raises(PlayerRestrictedError):
        gift("0")

    RestrictionEffect.objects.filter(kind="RG_HARM").delete()
    with pytest.raises(JurisdictionLimitError, match=r"indicators of harm.*3\.4\.3 \(10\)"):
        gift("0")
    with pytest.raises(JurisdictionLimitError):
        credit_points(player_id="alice", amount="5.00", source="Sorry", key="points", actor="staff")


def test_the_promotions_of_a_month_add_up_to_their_limit() -> None:
    make_player(country="United Kingdom")
    put_in_force(limit(LimitKind.PROMOTION_VALUE_MONTH_MAX, value="80"))

    gift("0", "50.00", key="one")
    with pytest.raises(JurisdictionLimitError, match=r"50\.00 were granted this month and 31\.00 more"):
        gift("0", "31.00", key="two")

    assert gift("0", "30.00", key="three").outcome == "POSTED"


def test_a_profile_holds_once_a_second_person_has_accepted_it() -> None:
    anna, ben = user("anna"), user("ben")
    tighter = [
        {**one, "value": "5"} if one["kind"] == "WAGERING_REQUIREMENT_MAX" else one for one in content_of()["limits"]
    ]
    proposed = propose_profile(code="GB", content=content_of(limits=tighter), reason="Stricter", by=anna)

    assert broken(turnover_multiple=Decimal(6), eligible_games=("slots",)) == {}
    with pytest.raises(SecondPersonNeededError, match="somebody else"):
        accept_profile(profile_id=proposed.pk, by=anna)
    accept_profile(profile_id=proposed.pk, by=ben, note="Read the clause")

    assert set(broken(turnover_multiple=Decimal(6), eligible_games=("slots",))) == {"WAGERING_REQUIREMENT_MAX"}
    kept = JurisdictionProfile.objects.filter(code="GB").values_list("version", "status", "decided_by__username")
    assert set(kept) == {(1, "REPLACED", None), (2, "IN_FORCE", "ben")}
    assert profile_of("GB").version == 2


def test_one_proposal_waits_at_a_time_and_a_refused_one_changes_nothing() -> None:
    anna = user("anna")
    first = propose_profile(code="GB", content=content_of(), reason="As it is", by=anna)
    with pytest.raises(ProfileStatusError, match="version 2 of GB waits"):
        propose_profile(code="GB", content=content_of(), reason="Again", by=anna)

    refuse_profile(profile_id=first.pk, by=user("ben"), note="Nothing new")

    with pytest.raises(ProfileStatusError, match="refused"):
        accept_profile(profile_id=first.pk, by=user("carl"))
    assert profile_of("GB").version == 1


def test_everything_wrong_with_a_profile_is_said_at_once() -> None:
    content = {
        "name": "",
        "countries": ["GB", "XX", "DE", "DE"],
        "colour": "red",
        "limits": [
            {
                "kind": "WAGERING_REQUIREMENT_MAX",
                "value": "ten",
                "valid_from": "soon",
                "clause": "§ 1",
                "clause_says": "…",
            },
            {"kind": "SPEED", "valid_from": "2026-01-01", "clause": "§ 1", "clause_says": "…", "is_our_reading": True},
        ],
    }

    with pytest.raises(ProfileInvalidError) as refused:
        propose_profile(code="de", content=content, reason="New", by=user("anna"))

    assert [problem["path"] for problem in refused.value.details["problems"]] == [
        "code",
        "colour",
        "name",
        "countries[0]",
        "countries[1]",
        "countries[3]",
        "limits[0].value",
        "limits[0].valid_from",
        "limits[1].kind",
        "limits[1].reading",
    ]
    assert JurisdictionProfile.objects.count() == 2


def test_a_new_jurisdiction_takes_its_countries() -> None:
    content = {"name": "Germany", "countries": ["DE"], "limits": [limit(LimitKind.PROMOTIONS_FORBIDDEN)]}
    proposed = propose_profile(code="DE", content=content, reason="No promotions", by=user("anna"))
    accept_profile(profile_id=proposed.pk, by=user("ben"))
    make_player(country="Germany")

    with pytest.raises(JurisdictionLimitError, match="nothing may be given in DE"):
        gift("0")

    assert Jurisdiction.objects.get(pk="DE").countries == ["DE"]
    assert JurisdictionLimit.objects.get(jurisdiction="DE").clause == "§ 1"
    assert timezone.localdate() >= ON

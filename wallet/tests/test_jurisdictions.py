"""Bonus money within the limits of the player's jurisdiction, on the raw service call and below it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from players.models import JurisdictionLimit, Player
from players.tests.factories import make_player
from wallet.bonuses import add_bonus_balance, bonus_posting
from wallet.ledger import JurisdictionLimitError, Posted, post_operation
from wallet.models import Lot, PostingRefusal

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def give(requirement: str, *, amount: str = "50.00", deposit: str = "0", on: date = ON, key: str = "gift") -> Posted:
    return add_bonus_balance(
        player_id="alice",
        amount=amount,
        wagering_requirement=Decimal(requirement),
        wagering_basis="DEPOSIT_AND_BONUS" if deposit != "0" else "BONUS",
        deposit=Decimal(deposit),
        expiry=timedelta(hours=48),
        key=key,
        actor="tests",
        on=on,
        at=AT,
    )


def limit(kind: str, value: str | None = None) -> None:
    JurisdictionLimit.objects.create(
        jurisdiction_id="GB", kind=kind, value=value, valid_from=date(2026, 1, 1), clause="§ 1", clause_says="…"
    )


def test_a_requirement_of_ten_is_posted_and_one_of_twenty_is_refused_with_the_clause() -> None:
    make_player(country="United Kingdom")

    assert give("10").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match=r"at most 10 × the bonus .*5\.1\.1 \(3\)\(a\)") as refused:
        give("20", key="another")

    assert refused.value.details["limit"] == "WAGERING_REQUIREMENT_MAX"
    assert Lot.objects.count() == 1


def test_the_refusal_is_kept_as_evidence() -> None:
    make_player(country="United Kingdom")

    with pytest.raises(JurisdictionLimitError):
        give("20")

    kept = PostingRefusal.objects.get()
    assert (kept.reason, kept.details["jurisdiction"], kept.details["wagering_required"]) == (
        "JURISDICTION",
        "GB",
        "1000.00",
    )


def test_deposit_and_bonus_are_measured_on_the_bonus_funds_too() -> None:
    """A deposit of 50 and a bonus of 50, five times: 500 of turnover, 10 × the bonus. Six times is 600."""
    make_player(country="United Kingdom")

    assert give("5", deposit="50").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError):
        give("6", deposit="50", key="another")


def test_elsewhere_and_before_the_clause_held_nothing_is_limited() -> None:
    make_player(country="Germany")
    assert give("20").outcome == "POSTED"

    Player.objects.filter(pk="alice").update(country="United Kingdom")
    assert give("20", on=date(2026, 1, 18), key="the day before").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError):
        give("20", on=date(2026, 1, 19), key="the day")


def test_a_replay_returns_the_first_result_although_the_limit_has_come_since() -> None:
    make_player(country="Germany")
    first = give("20")
    Player.objects.filter(pk="alice").update(country="United Kingdom")

    again = give("20")

    assert (again.outcome, again.lot_id) == ("REPLAYED", first.lot_id)


def test_what_is_posted_below_the_service_meets_the_same_limit() -> None:
    make_player(country="United Kingdom")
    posting = bonus_posting(
        player_id="alice",
        amount=Decimal("50.00"),
        wagering_requirement=Decimal(20),
        expiry_hours=48,
        key="raw",
        kind="RAW",
        on=ON,
    )

    with pytest.raises(JurisdictionLimitError, match=r"turnover of 1000\.00"):
        post_operation([posting], at=AT, actor="tests")

    assert not Lot.objects.exists()


def test_a_largest_bonus_and_a_ban_of_promotions_bind_the_ledger() -> None:
    make_player(country="United Kingdom")
    limit("BONUS_AMOUNT_MAX", "40")

    assert give("0", amount="40.00").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match="at most 40"):
        give("0", amount="40.01", key="larger")

    limit("PROMOTIONS_FORBIDDEN")
    with pytest.raises(JurisdictionLimitError, match="nothing may be given"):
        give("0", amount="1.00", key="any")

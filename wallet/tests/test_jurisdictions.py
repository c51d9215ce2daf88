"""Bonus money within the limits of the player's jurisdiction, on the raw service call and below it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.expressions import fetch_rows
from players.models import GameCategory, Jurisdiction, JurisdictionLimit, Player, RestrictionEffect
from players.tests.factories import make_player, restrict
from wallet.bets import place_bet, settle_bet
from wallet.bonuses import add_bonus_balance, bonus_posting
from wallet.ledger import JurisdictionLimitError, Posted, post_operation
from wallet.models import Lot, PostingRefusal
from wallet.postings import credit_posting

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def give(
    requirement: str,
    *,
    amount: str = "50.00",
    deposit: str = "0",
    on: date = ON,
    at: datetime = AT,
    key: str = "gift",
    **terms: Any,
) -> Posted:
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
        at=at,
        **{"eligible_games": ["slots"], **terms},
    )


def credit(player_id: str, amount: str, *, currency: str = "LP", key: str = "credit", **terms: Any) -> Posted:
    """Credit a lot of its own, below the services."""
    posting = credit_posting(
        key=key, kind="TEST", player_id=player_id, currency=currency, amount=Decimal(amount), **{"on": ON, **terms}
    )
    return post_operation([posting], at=AT, actor="tests")[0]


def limit(kind: str, value: str | None = None, **said: Any) -> None:
    given = {"valid_from": date(2026, 1, 1), "clause": "§ 1", "clause_says": "…", **said}
    JurisdictionLimit.objects.create(jurisdiction_id="GB", kind=kind, value=value, **given)


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
    before = datetime(2026, 1, 18, 12, tzinfo=UTC)
    make_player(country="Germany")
    assert give("20", at=before).outcome == "POSTED"

    Player.objects.filter(pk="alice").update(country="United Kingdom")
    assert give("20", on=before.date(), at=before, key="the day before").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError):
        give("20", on=date(2026, 1, 19), at=before + timedelta(days=1), key="the day")


def test_what_is_granted_after_a_clause_began_is_held_to_it_whatever_date_it_is_granted_for() -> None:
    make_player(country="United Kingdom")

    with pytest.raises(JurisdictionLimitError):
        give("20", on=date(2026, 1, 18), at=datetime(2026, 1, 20, 12, tzinfo=UTC))

    assert not Lot.objects.exists()


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
        eligible_games=["slots"],
    )

    with pytest.raises(JurisdictionLimitError, match=r"at most 10 × the bonus .*5\.1\.1 \(3\)\(a\)"):
        post_operation([posting], at=AT, actor="tests")

    assert not Lot.objects.exists()
    kept = PostingRefusal.objects.get()
    assert (kept.operation_key, kept.purpose, kept.amount, kept.details["limit"]) == (
        "raw",
        "PROMOTION",
        Decimal("50.00"),
        "WAGERING_REQUIREMENT_MAX",
    )


def test_a_largest_bonus_and_a_ban_of_promotions_bind_the_ledger() -> None:
    make_player(country="United Kingdom")
    limit("BONUS_AMOUNT_MAX", "40")

    assert give("0", amount="40.00").outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match="at most 40"):
        give("0", amount="40.01", key="larger")

    limit("PROMOTIONS_FORBIDDEN")
    with pytest.raises(JurisdictionLimitError, match="nothing may be given"):
        give("0", amount="1.00", key="any")


def win(bet_id: str = "b1") -> list[Lot]:
    """Stake ten of the bonus and win thirty: the stake comes back to it, twenty are real."""
    place_bet(bet_id=bet_id, player_id="alice", stake=10, real_available=0, category="slots", actor="tests", at=AT)
    settle_bet(bet_id=bet_id, payout=30, actor="tests", at=AT)
    return list(Lot.objects.all())


@pytest.mark.parametrize(("kind", "value"), [("BONUS_AMOUNT_MAX", "40"), ("PROMOTIONS_FORBIDDEN", None)])
def test_what_a_bonus_wins_is_settled_whatever_is_said_of_promotions(kind: str, value: str | None) -> None:
    make_player(country="United Kingdom")
    give("10", amount="40.00")
    limit(kind, value)

    assert [(lot.remaining, lot.amount) for lot in win()] == [(Decimal("40.00"), Decimal("50.00"))]


def test_a_bonus_that_counts_only_in_part_asks_for_more_turnover() -> None:
    """Blackjack counts a tenth: 1 × the bonus is met with 10 × its amount, 1.01 × with more."""
    make_player(country="United Kingdom")

    assert give("1", eligible_games=["blackjack"]).outcome == "POSTED"
    with pytest.raises(JurisdictionLimitError, match="at most 10 ×"):
        give("1.01", eligible_games=["blackjack"], key="more")
    # Roulette counts half, slots in full: whoever plays slots meets 10 × with ten times the bonus.
    assert give("10", eligible_games=["roulette", "slots"], key="choice").outcome == "POSTED"


def test_a_bonus_for_several_types_of_product_is_refused_below_the_service_too() -> None:
    make_player(country="United Kingdom")
    GameCategory.objects.filter(pk="poker").update(product="BETTING")

    with pytest.raises(JurisdictionLimitError, match="one type of product only"):
        give("5", eligible_games=["slots", "poker"])
    with pytest.raises(JurisdictionLimitError, match="one type of product only"):
        give("5", eligible_games=None, key="all games")
    # Free of requirement and of games it is nobody's product.
    assert give("0", eligible_games=None, key="free").outcome == "POSTED"


def test_validity_and_reward_types_bind_the_ledger() -> None:
    make_player(country="United Kingdom")
    limit("VALIDITY_HOURS_MIN", "49")
    limit("REWARD_TYPES_FORBIDDEN", names=["LOYALTY_POINTS"])

    with pytest.raises(JurisdictionLimitError, match="at least 49 hours"):
        give("5")
    with pytest.raises(JurisdictionLimitError, match="of this type"):
        credit("alice", "5.00", on=ON)
    assert credit("alice", "5.00", currency="RP", key="rp").outcome == "POSTED"
    assert credit("alice", "5.00", key="earned", purpose="EARNED", lot_kind="PLAY").outcome == "POSTED"


def test_a_ban_of_promotions_binds_points_and_tickets_and_leaves_what_is_earned_and_given_back() -> None:
    make_player(country="United Kingdom")
    limit("PROMOTIONS_FORBIDDEN")

    for currency in ("LP", "RP", "TICKETS"):
        with pytest.raises(JurisdictionLimitError, match="nothing may be given"):
            credit("alice", "5.00", currency=currency, key=currency)
    assert credit("alice", "5.00", key="earned", purpose="EARNED", lot_kind="PLAY").outcome == "POSTED"
    assert credit("alice", "5.00", key="back", purpose="REFUND", lot_kind="REFUND").outcome == "POSTED"
    assert PostingRefusal.objects.count() == 3


def test_indicators_of_harm_bind_the_ledger_although_the_matrix_forgot_them() -> None:
    restrict(make_player(country="United Kingdom"), "RG_HARM")
    restrict(make_player("bob", country="Germany"), "RG_HARM")
    RestrictionEffect.objects.filter(kind="RG_HARM", purpose="PROMOTION").delete()

    with pytest.raises(JurisdictionLimitError, match="strong indicators of harm"):
        credit("alice", "5.00")
    assert credit("bob", "5.00", key="elsewhere").outcome == "POSTED"


@pytest.mark.parametrize(
    ("profile", "takes_unknown", "jurisdiction"),
    [
        ({"country": "  United KINGDOM "}, False, "GB"),
        ({"country": "United Kingdom", "jurisdiction_id": "MT"}, False, "MT"),
        ({"country": "Atlantis"}, True, "MT"),
        ({"country": ""}, True, "MT"),
        ({"country": "Atlantis"}, False, "DEFAULT"),
    ],
)
def test_a_lot_is_held_to_the_limits_of_the_jurisdiction_its_player_belongs_to_and_of_no_other(
    profile: dict[str, Any], *, takes_unknown: bool, jurisdiction: str
) -> None:
    Jurisdiction.objects.create(code="MT", name="Malta", takes_unknown_countries=takes_unknown)
    JurisdictionLimit.objects.all().delete()
    make_player(**profile)
    assert fetch_rows("SELECT jurisdiction_of('alice')", []) == [(jurisdiction,)]

    for number, code in enumerate({"GB", "MT", "DEFAULT"} - {jurisdiction}):
        JurisdictionLimit.objects.create(
            jurisdiction_id=code, kind="BONUS_AMOUNT_MAX", value="1", valid_from=ON, clause=str(number), clause_says="…"
        )
    assert give("0").outcome == "POSTED"

    # Alone, so that no other's limit has the ledger look more closely.
    JurisdictionLimit.objects.all().delete()
    JurisdictionLimit.objects.create(
        jurisdiction_id=jurisdiction, kind="BONUS_AMOUNT_MAX", value="1", valid_from=ON, clause="own", clause_says="…"
    )
    with pytest.raises(JurisdictionLimitError, match="at most 1"):
        give("0", key="another")

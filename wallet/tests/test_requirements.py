"""Age and identity: what must be known of a player before a credit, on every path, once staff ask for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError
from core.expressions import fetch_rows
from core.models import OutboxEvent
from players.models import CreditRequirement, Player
from players.restrictions.imposing import Word
from players.tests.factories import make_day, make_player
from wallet.bets import place_bet, settle_bet
from wallet.bonus_life import claim_bonus, complete_met_bonuses, release_pending_credits
from wallet.expiry import expire_bonuses
from wallet.identity import convert_known, edit_profile
from wallet.ledger import PlayerRestrictedError
from wallet.models import LedgerEntry, Lot, PostingRefusal
from wallet.play import due_points_sql, post_points_from_play
from wallet.reconciliation import reconcile
from wallet.restricting import restrict_player
from wallet.tests.factories import AT, ON, balances, credit, give_bonus, remaining

pytestmark = pytest.mark.django_db


def require(purpose: str, **asked: Any) -> None:
    CreditRequirement.objects.filter(pk=purpose).update(**asked)


def know(player_id: str = "alice", **known: Any) -> None:
    Player.objects.filter(pk=player_id).update(**known)


def test_nothing_is_asked_unless_staff_say_so() -> None:
    make_player("alice", age=15)
    asked = CreditRequirement.objects.values_list("purpose", "minimum_age", "needs_kyc", "allows_unknown_age")

    assert set(asked) == {
        (purpose, None, False, False) for purpose in ("PROMOTION", "REDEMPTION", "EARNED", "BET", "CONVERSION")
    }
    assert credit("alice", "5.00").outcome == "POSTED"


CASES = [(17, False, "UNDER_AGE"), (18, False, None), (None, False, "AGE_UNKNOWN"), (None, True, None)]


@pytest.mark.parametrize(("age", "is_lenient", "refused"), [*CASES, (17, True, "UNDER_AGE")])
def test_a_minimum_age_fails_closed(age: int | None, is_lenient: bool, refused: str | None) -> None:
    require("PROMOTION", minimum_age=18, allows_unknown_age=is_lenient)
    make_player("alice", age=age)

    if refused is None:
        assert credit("alice", "5.00").outcome == "POSTED"
        return
    with pytest.raises(PlayerRestrictedError, match=refused):
        credit("alice", "5.00")
    assert PostingRefusal.objects.get().details["restriction"] == refused


def test_identity_is_asked_before_a_promotion_and_only_there() -> None:
    require("PROMOTION", needs_kyc=True)
    make_player("alice")
    with pytest.raises(PlayerRestrictedError, match="KYC_MISSING"):
        credit("alice", "5.00")
    assert credit("alice", "5.00", key="earned", purpose="EARNED").outcome == "POSTED"

    know(kyc_completed_at=AT)

    assert credit("alice", "5.00", key="now").outcome == "POSTED"


@pytest.mark.parametrize("purpose", ["EARNED", "BET", "REDEMPTION"])
def test_each_purpose_has_its_own_rule(purpose: str) -> None:
    require(purpose, needs_kyc=True)
    make_player("alice")
    assert credit("alice", "5.00").outcome == "POSTED"

    with pytest.raises(PlayerRestrictedError, match="KYC_MISSING"):
        credit("alice", "5.00", key="asked", purpose=purpose) if purpose != "BET" else place_bet(
            bet_id="b", player_id="alice", stake=5, real_available=5, category="slots", actor="tests", at=AT
        )


def test_a_restriction_is_named_before_what_is_missing() -> None:
    require("PROMOTION", needs_kyc=True)
    alice = make_player("alice")
    alice.restrictions.create(kind="SELF_EXCLUDED", source="the player", starts_at=AT)

    with pytest.raises(PlayerRestrictedError, match="SELF_EXCLUDED"):
        credit("alice", "5.00")


def test_a_claim_and_what_waits_ask_for_identity_like_a_redemption() -> None:
    make_player("alice")
    claimable = give_bonus("alice", "5.00", claim_within=timedelta(hours=24)).lot_id
    give_bonus("alice", "7.00", key="awaits", awaits="FIRST_DEPOSIT")
    require("REDEMPTION", needs_kyc=True)
    assert claimable is not None

    with pytest.raises(PlayerRestrictedError, match="KYC_MISSING"):
        claim_bonus(player_id="alice", bonus_id=claimable, actor="tests", at=AT)
    assert release_pending_credits(player_id="alice", action="FIRST_DEPOSIT", at=AT) == 0
    assert remaining("alice") == [("5.00", "PENDING"), ("7.00", "PENDING")]

    know(kyc_completed_at=AT)
    claim_bonus(player_id="alice", bonus_id=claimable, actor="tests", at=AT)
    assert remaining("alice")[0] == ("5.00", "ACTIVE")


def wager(stake: int, *, bet_id: str, payout: int) -> None:
    place_bet(bet_id=bet_id, player_id="alice", stake=stake, real_available=0, category="slots", actor="tests", at=AT)
    settle_bet(bet_id=bet_id, payout=payout, actor="tests", at=AT)


def test_a_bonus_that_is_met_waits_for_identity_past_its_expiry_and_converts_then() -> None:
    require("CONVERSION", needs_kyc=True)
    make_player("alice")
    give_bonus("alice", "50.00", wagering_requirement=Decimal(1))
    wager(50, bet_id="b1", payout=50)
    held = remaining("alice")

    later = AT + timedelta(days=30)
    assert expire_bonuses(at=later) == 0
    assert complete_met_bonuses(at=later) == 0
    know(kyc_completed_at=later)
    converted = complete_met_bonuses(at=later)

    assert (held, converted, remaining("alice")) == ([("50.00", "ACTIVE")], 1, [("0.00", "COMPLETED")])
    assert Lot.objects.get().converted == 50
    assert balances("alice") == {}
    reconcile()


def met_and_held() -> None:
    """Have alice meet a bonus while nothing is known of her."""
    CreditRequirement.objects.filter(pk="CONVERSION").update(needs_kyc=True, minimum_age=18)
    make_player("alice")
    give_bonus("alice", "50.00", wagering_requirement=Decimal(1))
    wager(50, bet_id="b1", payout=50)


def test_a_bonus_that_waits_converts_in_the_edit_that_completes_the_profile() -> None:
    met_and_held()

    edit_profile(player_id="alice", changes={"kyc_completed_at": AT}, today=ON, by=None, at=AT)
    held = remaining("alice")
    edit_profile(player_id="alice", changes={"age": 30}, today=ON, by=None, at=AT)

    assert (held, remaining("alice")) == ([("50.00", "ACTIVE")], [("0.00", "COMPLETED")])
    assert Lot.objects.get().converted == 50


def test_a_met_bonus_that_waits_for_identity_is_not_cancelled_by_an_exclusion_and_converts_marked() -> None:
    met_and_held()
    give_bonus("alice", "20.00", key="unmet", expiry=None)

    word = Word(source="the player", reason="Asked by telephone", by=None)
    restrict_player(player_id="alice", kind="SELF_EXCLUDED", word=word)
    held = remaining("alice")
    edit_profile(player_id="alice", changes={"age": 30, "kyc_completed_at": AT}, today=ON, by=None)

    assert held == [("50.00", "ACTIVE"), ("0.00", "CANCELLED")]
    assert remaining("alice") == [("0.00", "COMPLETED"), ("0.00", "CANCELLED")]
    converted = LedgerEntry.objects.get(transaction_type="BONUS_CONVERTED")
    assert (str(converted.amount), converted.metadata) == ("-50.00", {"restricted": "SELF_EXCLUDED"})
    told = OutboxEvent.objects.filter(topic__startswith="bonus.").values_list("topic", "payload__amount")
    assert sorted(told) == [("bonus.cancelled", "20.00"), ("bonus.converted", "50.00")]
    reconcile()


def test_an_edit_that_cannot_be_converts_nothing() -> None:
    met_and_held()

    with pytest.raises(InvalidInputError):
        edit_profile(player_id="alice", changes={"kyc_completed_at": AT, "age": 151}, today=ON, by=None, at=AT)

    assert remaining("alice") == [("50.00", "ACTIVE")]
    assert Player.objects.get().kyc_completed_at is None


def test_whoever_is_known_by_another_path_is_converted_by_the_minute_and_nobody_is_looked_at_without_a_rule(
    django_assert_num_queries: Any,
) -> None:
    met_and_held()
    assert convert_known(at=AT) == 0
    know(kyc_completed_at=AT, age=30)

    assert convert_known(at=AT) == 1

    require("CONVERSION", needs_kyc=False, minimum_age=None)
    with django_assert_num_queries(1):
        assert convert_known(at=AT) == 0


def test_without_the_rule_it_converts_at_once() -> None:
    make_player("alice")
    give_bonus("alice", "50.00", wagering_requirement=Decimal(1))

    wager(50, bet_id="b1", payout=50)

    assert remaining("alice") == [("0.00", "COMPLETED")]


def test_points_from_play_are_foretold_for_those_alone_whom_the_ledger_would_let_have_them() -> None:
    require("EARNED", needs_kyc=True)
    for name, known in {"alice": None, "bob": AT}.items():
        player = make_player(name, kyc_completed_at=known)
        make_day(player, wagered="100.00", lp_due=Decimal(7))

    sql, params = due_points_sql(at=AT, business_zone="UTC")

    assert fetch_rows(f"SELECT player_id, points FROM ({sql}) due", params) == [("bob", Decimal("7.00"))]
    post_points_from_play(at=AT, business_zone="UTC")
    assert {name: balances(name) for name in ("alice", "bob")} == {"alice": {}, "bob": {"LP": "7.00"}}

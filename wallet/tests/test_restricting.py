"""Imposing, moving and lifting restrictions, and what they do to bonuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from core.policies import save_policy
from players.models import LiftRequest, PlayerRestriction, RestrictionChange
from players.restrictions.errors import (
    AlreadyRestrictedError,
    LiftRequestError,
    ReferenceReusedError,
    RestrictionEndedError,
    RestrictionNotLiftableError,
    SecondPersonNeededError,
)
from players.restrictions.imposing import Word
from players.tests.factories import make_player
from wallet.bets import place_bet, settle_bet
from wallet.bonus_life import settle_due_lots
from wallet.ledger import PlayerRestrictedError
from wallet.models import LedgerEntry, Lot
from wallet.reconciliation import reconcile
from wallet.restricting import (
    apply_due_restrictions,
    ask_to_correct,
    ask_to_lift,
    decide_lift,
    lift_restriction,
    move_restriction_end,
    restrict_player,
)
from wallet.tests.factories import (
    balances,
    credit,
    give_bonus,
    let_bonuses_run_in_parallel,
    make_alice,
    make_bob,
    remaining,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()
YEAR = timedelta(days=365)


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def ben() -> User:
    return User.objects.create_user("ben")


def word(by: User | None = None, **said: Any) -> Word:
    return Word(**{"source": "the player", "reason": "Asked by telephone", "by": by, "evidence": {"call": 17}, **said})


def impose(
    kind: str = "SELF_EXCLUDED", *, player_id: str = "bob", at: datetime = NOW, **terms: Any
) -> PlayerRestriction:
    return restrict_player(player_id=player_id, kind=kind, word=terms.pop("word", word()), at=at, **terms)


def make_bob_with_two_bonuses() -> None:
    """Return bob with an active bonus of 50, one of 20 waiting for its turn, 30 points and 3 tickets."""
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)
    give_bonus("bob", "20.00", key="second", expiry=None, at=NOW)
    credit("bob", "30.00", key="points", at=NOW)
    credit("bob", "3", currency="TICKETS", key="tickets", at=NOW)


def test_a_restriction_keeps_who_said_why_on_what_evidence(ann: User) -> None:
    make_bob()

    imposed = impose("BLOCKED", word=word(ann, source="staff", reason="Chargeback"))

    assert (imposed.kind, imposed.source, imposed.reason, imposed.evidence) == (
        "BLOCKED",
        "staff",
        "Chargeback",
        {"call": 17},
    )
    assert (imposed.created_by, imposed.starts_at, imposed.ends_at) == (ann, NOW, None)
    lines = RestrictionChange.objects.order_by("id").values_list("act", "actor", "reason")
    assert list(lines) == [("IMPOSED", "ann", "Chargeback"), ("APPLIED", "ann", "")]
    assert OutboxEvent.objects.get(topic="restriction.imposed").payload["player_id"] == "bob"


def test_a_self_exclusion_holds_until_it_is_lifted_and_not_less_than_its_minimum() -> None:
    make_bob()

    imposed = impose(until=NOW + YEAR)

    assert (imposed.ends_at, imposed.minimum_until) == (None, NOW + YEAR)


def test_without_a_date_the_policys_minimum_counts() -> None:
    make_bob()
    save_policy(name="SELF_EXCLUSION_ENDS", value="BY_ITSELF", saved_by=None)
    save_policy(name="SELF_EXCLUSION_MINIMUM_DAYS", value="200", saved_by=None)

    imposed = impose()

    assert imposed.ends_at == imposed.minimum_until == NOW + timedelta(days=200)


@pytest.mark.parametrize(
    ("kind", "terms", "match"),
    [
        ("SELF_EXCLUDED", {"until": NOW + timedelta(days=30)}, "lasts at least 180 days"),
        ("COOL_OFF", {}, "until is missing: a cool-off ends by itself"),
        ("COOL_OFF", {"until": NOW + YEAR}, "for longer impose a self-exclusion"),
        ("BLOCKED", {"until": NOW - timedelta(days=1)}, "later than the start"),
        ("NONSENSE", {}, "kind is 'NONSENSE': one of SELF_EXCLUDED"),
        ("BLOCKED", {"word": word(reason=" ")}, "reason has 1 characters"),
        ("BLOCKED", {"word": word(source="")}, "source has 0 characters"),
        ("BLOCKED", {"word": word(reason="a\x00b")}, "reason"),
        ("BLOCKED", {"external_reference": "x" * 101}, "external_reference has 101"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(kind: str, terms: dict[str, Any], match: str) -> None:
    make_bob()

    with pytest.raises(InvalidInputError, match=match):
        impose(kind, **terms)

    assert not PlayerRestriction.objects.exists()


def test_a_player_nobody_knows_is_not_restricted() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'bob'"):
        impose()


def test_the_same_reference_again_is_the_same_restriction() -> None:
    make_bob()
    first = impose(external_reference="R1")

    assert impose(external_reference="R1").pk == first.pk
    assert PlayerRestriction.objects.count() == 1


def test_a_reference_of_another_restriction_is_refused() -> None:
    make_bob()
    impose(external_reference="R1")

    with pytest.raises(ReferenceReusedError, match="SELF_EXCLUDED of bob"):
        impose("BLOCKED", external_reference="R1")


def test_the_same_word_twice_is_told_to_move_the_end() -> None:
    make_bob()
    impose()

    with pytest.raises(AlreadyRestrictedError, match="move the end of restriction"):
        impose()


def test_whoever_announced_an_exclusion_may_be_excluded_at_once_all_the_same() -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)
    impose(starts_at=NOW + timedelta(days=3))
    assert remaining("bob") == [("50.00", "ACTIVE")]

    at_once = impose(at=NOW + timedelta(hours=1))

    assert (at_once.starts_at, remaining("bob")) == (NOW + timedelta(hours=1), [("0.00", "CANCELLED")])
    with pytest.raises(AlreadyRestrictedError):
        impose(starts_at=NOW + timedelta(days=4))


def test_a_cool_off_may_follow_another() -> None:
    make_bob()
    impose("COOL_OFF", until=NOW + timedelta(days=7))

    impose("COOL_OFF", starts_at=NOW + timedelta(days=7), until=NOW + timedelta(days=14))

    assert PlayerRestriction.objects.count() == 2


@pytest.mark.parametrize("ends", ["ON_REQUEST", "BY_ITSELF"])
def test_what_would_have_ended_already_is_refused_and_not_taken_for_a_protection(ends: str) -> None:
    save_policy(name="SELF_EXCLUSION_ENDS", value=ends, saved_by=None)
    make_bob()
    long_ago = NOW - 2 * YEAR

    with pytest.raises(InvalidInputError, match="would have ended on"):
        impose("BLOCKED", starts_at=long_ago, until=NOW - YEAR)
    if ends == "BY_ITSELF":
        with pytest.raises(InvalidInputError, match="would have ended on"):
            impose(starts_at=long_ago)
    else:
        assert impose(starts_at=long_ago).holds_at(NOW)


def test_bonus_money_of_an_excluded_player_is_cancelled_and_the_rest_kept() -> None:
    make_bob_with_two_bonuses()

    imposed = impose()

    assert balances("bob") == {"LP": "30.00", "TICKETS": "3"}
    assert remaining("bob") == [("0.00", "CANCELLED"), ("0.00", "CANCELLED"), ("30.00", "ACTIVE"), ("3.00", "ACTIVE")]
    entries = LedgerEntry.objects.filter(transaction_type="BONUS_CANCELLED").order_by("number")
    assert [(str(one.amount), one.reference_id) for one in entries] == [
        ("-50.00", f"restriction:{imposed.pk}"),
        ("-20.00", f"restriction:{imposed.pk}"),
    ]
    assert {one.metadata["restricted"] for one in entries} == {"SELF_EXCLUDED"}
    told = OutboxEvent.objects.filter(topic="bonus.cancelled").order_by("id")
    assert [event.payload["amount"] for event in told] == ["50.00", "20.00"]
    assert imposed.applied_at == NOW
    reconcile()


@pytest.mark.parametrize(
    ("kind", "is_cancelled"),
    [("SELF_EXCLUDED", True), ("COOL_OFF", False), ("RG_HARM", True), ("BLOCKED", True), ("MARKETING_OPT_OUT", False)],
)
def test_each_kind_has_its_policy(kind: str, is_cancelled: bool) -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)

    impose(kind, until=NOW + timedelta(days=7) if kind == "COOL_OFF" else None)

    assert remaining("bob") == ([("0.00", "CANCELLED")] if is_cancelled else [("50.00", "ACTIVE")])


def test_an_open_bet_of_an_excluded_player_still_settles_as_real_money() -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, max_conversion=Decimal(30), at=NOW)
    place_bet(bet_id="b1", player_id="bob", stake=10, real_available=0, category="slots", actor="tests", at=NOW)

    impose()
    settled = settle_bet(bet_id="b1", payout=25, actor="tests", at=NOW + timedelta(minutes=1))

    assert (settled.real_payout, balances("bob")) == (Decimal("25.00"), {})
    reconcile()


def test_a_bonus_that_is_all_at_play_is_cancelled_as_well() -> None:
    make_bob()
    give_bonus("bob", "10.00", expiry=None, at=NOW)
    place_bet(bet_id="b1", player_id="bob", stake=10, real_available=0, category="slots", actor="tests", at=NOW)

    impose()

    assert remaining("bob") == [("0.00", "CANCELLED")]
    assert OutboxEvent.objects.get(topic="bonus.cancelled").payload["amount"] == "0"


def test_a_kept_bonus_cannot_be_used_and_goes_on_when_the_restriction_ends() -> None:
    save_policy(name="BONUS_OF_BLOCKED", value="KEEP", saved_by=None)
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)
    imposed = impose("BLOCKED")
    bet: dict[str, Any] = {"player_id": "bob", "stake": 10, "real_available": 0, "category": "slots", "actor": "tests"}
    with pytest.raises(PlayerRestrictedError):
        place_bet(bet_id="b1", **bet, at=NOW + timedelta(minutes=1))

    lift_restriction(restriction_id=imposed.pk, word=word(), at=NOW + timedelta(minutes=2))
    placed = place_bet(bet_id="b2", **bet, at=NOW + timedelta(minutes=3))

    assert placed.bonus_stake == 10


def test_what_waits_for_its_day_does_not_wake_before_the_restriction_has_ended() -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, available_at=NOW + timedelta(hours=1), at=NOW)
    impose("COOL_OFF", until=NOW + timedelta(days=2))

    settle_due_lots(at=NOW + timedelta(hours=2))
    during = remaining("bob")
    settle_due_lots(at=NOW + timedelta(days=3))

    assert (during, remaining("bob")) == ([("50.00", "PENDING")], [("50.00", "ACTIVE")])


def test_a_restriction_that_begins_later_takes_effect_when_its_time_has_come() -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)
    impose(starts_at=NOW + timedelta(days=1))
    assert apply_due_restrictions(at=NOW + timedelta(hours=23))["restrictions"] == 0
    assert remaining("bob") == [("50.00", "ACTIVE")]

    counts = apply_due_restrictions(at=NOW + timedelta(hours=25))
    again = apply_due_restrictions(at=NOW + timedelta(hours=26))

    assert (counts["restrictions"], counts["bonuses cancelled"]) == (1, 1)
    assert (again["restrictions"], again["bonuses cancelled"]) == (0, 0)
    assert remaining("bob") == [("0.00", "CANCELLED")]
    assert RestrictionChange.objects.latest("id").actor == "restrictions"


def test_a_restriction_that_came_and_went_unseen_cancels_nothing() -> None:
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=NOW)
    impose("BLOCKED", starts_at=NOW + timedelta(days=1), until=NOW + timedelta(days=2))

    counts = apply_due_restrictions(at=NOW + timedelta(days=3))

    assert (counts["restrictions"], counts["bonuses cancelled"]) == (1, 0)


def test_bonuses_that_run_in_parallel_all_end() -> None:
    let_bonuses_run_in_parallel()
    make_bob_with_two_bonuses()

    impose()

    assert not Lot.objects.filter(currency_type="BONUS", status__in=["ACTIVE", "PENDING"]).exists()


@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF"])
def test_nobody_ends_sooner_what_is_fixed(kind: str, ann: User) -> None:
    make_bob()
    until = NOW + (YEAR if kind == "SELF_EXCLUDED" else timedelta(days=30))
    imposed = impose(kind, until=until)

    with pytest.raises(RestrictionNotLiftableError, match="cannot be shortened before"):
        move_restriction_end(restriction_id=imposed.pk, until=until - timedelta(days=1), word=word(ann), at=NOW)
    with pytest.raises(RestrictionNotLiftableError, match="cannot be lifted before"):
        lift_restriction(restriction_id=imposed.pk, word=word(ann), at=until - timedelta(days=1))
    with pytest.raises(RestrictionNotLiftableError, match="cannot be lifted before"):
        ask_to_lift(restriction_id=imposed.pk, word=word(ann), at=until - timedelta(days=1))


def test_any_restriction_may_hold_for_longer() -> None:
    make_bob()
    imposed = impose(until=NOW + YEAR)

    moved = move_restriction_end(restriction_id=imposed.pk, until=NOW + 2 * YEAR, word=word(), at=NOW)

    assert (moved.ends_at, moved.minimum_until) == (None, NOW + 2 * YEAR)
    assert RestrictionChange.objects.latest("id").act == "END_MOVED"


def test_the_minimum_of_an_exclusion_never_falls() -> None:
    make_bob()
    imposed = impose(until=NOW + YEAR)

    moved = move_restriction_end(restriction_id=imposed.pk, until=None, word=word(), at=NOW)

    assert (moved.ends_at, moved.minimum_until) == (None, NOW + YEAR)


def test_one_person_lifts_a_block(ann: User) -> None:
    make_bob()
    imposed = impose("BLOCKED")

    lifted = lift_restriction(restriction_id=imposed.pk, word=word(ann, reason="Cleared"), at=NOW + timedelta(hours=1))

    assert lifted.ends_at == NOW + timedelta(hours=1)
    line = RestrictionChange.objects.latest("id")
    assert (line.act, line.actor, line.reason, line.ends_at_before) == ("LIFTED", "ann", "Cleared", None)
    with pytest.raises(RestrictionEndedError):
        lift_restriction(restriction_id=imposed.pk, word=word(ann), at=NOW + timedelta(hours=2))


def test_an_exclusion_is_lifted_by_two_after_its_minimum_and_a_day_to_think(ann: User, ben: User) -> None:
    make_bob()
    imposed = impose(until=NOW + YEAR)
    asked_at = NOW + YEAR + timedelta(days=1)
    with pytest.raises(SecondPersonNeededError, match="by two people"):
        lift_restriction(restriction_id=imposed.pk, word=word(ann), at=asked_at)

    wish = ask_to_lift(restriction_id=imposed.pk, word=word(ann), at=asked_at)
    grant: dict[str, Any] = {"restriction_id": imposed.pk, "is_granted": True, "note": "Letter checked"}

    assert wish.earliest_at == asked_at + timedelta(hours=24)
    with pytest.raises(LiftRequestError, match="waits for a decision already"):
        ask_to_lift(restriction_id=imposed.pk, word=word(ann), at=asked_at)
    with pytest.raises(SecondPersonNeededError, match="ann asked"):
        decide_lift(**grant, by=ann, at=asked_at + timedelta(hours=25))
    with pytest.raises(RestrictionNotLiftableError, match="cannot be lifted before"):
        decide_lift(**grant, by=ben, at=asked_at + timedelta(hours=23))
    lifted = decide_lift(**grant, by=ben, at=asked_at + timedelta(hours=24))
    assert lifted.ends_at == asked_at + timedelta(hours=24)
    assert LiftRequest.objects.get().decided_by == ben


def test_an_exclusion_that_was_prolonged_meanwhile_is_not_lifted(ann: User, ben: User) -> None:
    make_bob()
    imposed = impose(until=NOW + YEAR)
    asked_at = NOW + YEAR
    ask_to_lift(restriction_id=imposed.pk, word=word(ann), at=asked_at)
    move_restriction_end(restriction_id=imposed.pk, until=NOW + 2 * YEAR, word=word(), at=asked_at)

    with pytest.raises(RestrictionNotLiftableError):
        decide_lift(restriction_id=imposed.pk, is_granted=True, note="x", by=ben, at=asked_at + timedelta(days=2))


def test_a_wish_that_is_refused_leaves_the_restriction(ann: User, ben: User) -> None:
    make_bob()
    imposed = impose("RG_HARM")
    ask_to_lift(restriction_id=imposed.pk, word=word(ann), at=NOW)

    kept = decide_lift(restriction_id=imposed.pk, is_granted=False, note="Too early", by=ben, at=NOW)

    assert kept.ends_at is None
    assert RestrictionChange.objects.latest("id").act == "LIFT_REFUSED"
    with pytest.raises(LiftRequestError, match="nobody asked"):
        decide_lift(restriction_id=imposed.pk, is_granted=True, note="x", by=ben, at=NOW)


def wrong_and_right(kind: str = "SELF_EXCLUDED") -> tuple[PlayerRestriction, PlayerRestriction]:
    """Exclude bob, who was taken for carol, and then carol."""
    make_bob()
    make_player("carol")
    until = NOW + timedelta(days=7) if kind == "COOL_OFF" else None
    wrong, right = (
        restrict_player(player_id=name, kind=kind, until=until, word=word(), at=NOW) for name in ("bob", "carol")
    )
    return wrong, right


@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF"])
def test_what_was_entered_for_the_wrong_player_ends_by_two_once_the_right_one_has_it(
    kind: str, ann: User, ben: User
) -> None:
    wrong, right = wrong_and_right(kind)
    grant: dict[str, Any] = {"restriction_id": wrong.pk, "is_granted": True, "note": "Call heard", "at": NOW}

    ask_to_correct(restriction_id=wrong.pk, right_restriction_id=right.pk, word=word(ann), at=NOW)
    with pytest.raises(SecondPersonNeededError, match="ann asked"):
        decide_lift(**grant, by=ann)
    corrected = decide_lift(**grant, by=ben)

    assert (corrected.ends_at, corrected.minimum_until) == (NOW, wrong.minimum_until)
    assert credit("bob", "5.00", at=NOW).outcome == "POSTED"
    with pytest.raises(PlayerRestrictedError):
        credit("carol", "5.00", key="carol", at=NOW)
    acts = RestrictionChange.objects.filter(restriction=wrong).order_by("id").values_list("act", flat=True)
    assert list(acts) == ["IMPOSED", "APPLIED", "CORRECTION_ASKED", "CORRECTED"]
    assert OutboxEvent.objects.filter(topic="restriction.corrected", payload__player_id="bob").count() == 1


def test_a_correction_needs_evidence_and_the_same_restriction_of_another_player(ann: User) -> None:
    wrong, right = wrong_and_right()
    block = restrict_player(player_id="carol", kind="BLOCKED", word=word(), at=NOW)
    ended = impose("BLOCKED")

    def ask(right_id: int | None, **said: Any) -> None:
        given = {"restriction_id": wrong.pk, "word": word(ann), "at": NOW, **said}
        ask_to_correct(right_restriction_id=right_id, **given)

    with pytest.raises(InvalidInputError, match="evidence is missing"):
        ask(right.pk, word=word(ann, evidence={}))
    for unfit in (wrong.pk, block.pk, 999):
        with pytest.raises(InvalidInputError, match="a SELF_EXCLUDED of another player that holds is needed"):
            ask(unfit)
    with pytest.raises(LiftRequestError, match="needs no correction: lift it"):
        ask(None, restriction_id=ended.pk)
    assert not LiftRequest.objects.exists()


def test_the_right_players_exclusion_may_not_be_shorter_neither_when_it_is_granted(ann: User, ben: User) -> None:
    wrong, right = wrong_and_right()
    ask_to_correct(restriction_id=wrong.pk, right_restriction_id=right.pk, word=word(ann), at=NOW)
    move_restriction_end(restriction_id=wrong.pk, until=NOW + YEAR, word=word(), at=NOW)

    with pytest.raises(InvalidInputError, match="ends before the one in its place"):
        decide_lift(restriction_id=wrong.pk, is_granted=True, note="x", by=ben, at=NOW)
    refused = decide_lift(restriction_id=wrong.pk, is_granted=False, note="x", by=ben, at=NOW)

    assert refused.ends_at is None
    assert RestrictionChange.objects.latest("id").act == "CORRECTION_REFUSED"


def test_the_database_ends_nothing_early_for_a_correction_that_nobody_granted(ann: User) -> None:
    wrong, right = wrong_and_right()
    ask_to_correct(restriction_id=wrong.pk, right_restriction_id=right.pk, word=word(ann), at=NOW)

    with pytest.raises(IntegrityError, match="cannot end before"):
        PlayerRestriction.objects.filter(pk=wrong.pk).update(ends_at=NOW)


def test_a_strangers_restriction_is_not_found(ann: User) -> None:
    with pytest.raises(NotFoundError, match="there is no restriction 99"):
        lift_restriction(restriction_id=99, word=word(ann))


def test_alice_is_left_alone_when_bob_is_restricted() -> None:
    make_alice()
    give_bonus("alice", "50.00", expiry=None, at=NOW)
    make_bob()

    impose()

    assert remaining("alice") == [("50.00", "ACTIVE")]

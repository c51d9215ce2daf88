"""Revoking: what is unspent is taken back by counter-entries, once; what was spent stays spent."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows
from core.models import Run
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.models import RewardHistory, RuleEvent
from rewards.rule_life import revoking
from rewards.rule_life.revoking import ask_revocation, preview_revocation, revocation_progress, run_revocation
from rewards.tests.factories import evaluate, make_player, make_rule
from rewards.tests.rule_life.people import person
from wallet.bets.placing import place_bet
from wallet.models import LedgerEntry, Lot
from wallet.reconciliation import reconcile
from wallet.taking_back import take_back_rule
from wallet.tests.factories import balances, remaining, spend

pytestmark = pytest.mark.django_db

POINTS = {"type": "LOYALTY_POINTS", "amount": 100}
BONUS = {"type": "BONUS_BALANCE", "amount": 40, "wagering_requirement": 10, "expiry_hours": 48}


def give(reward: dict[str, Any], *player_ids: str, on: date = ON, **content: Any) -> None:
    for player_id in player_ids:
        make_player(player_id)
    make_rule(reward=reward, **content)
    evaluate(on)


def play(stake: str) -> None:
    """Have alice place a bet with bonus money alone."""
    place_bet(bet_id="B1", player_id="alice", stake=stake, real_available="0.00", category="slots", actor="tests")


def revoke(**asked: Any) -> Run:
    return run_revocation(ask(**asked).pk)


def ask(**asked: Any) -> Run:
    given = {"rule_id": "GIFT", "reason": "Wrong rule", "by": person("rob"), "at": timezone.now()}
    return ask_revocation(**{**given, **asked})


def test_what_is_left_is_taken_back_and_what_was_spent_stays_spent() -> None:
    give(POINTS, "alice", "bob")
    spend("alice", "30.00", at=timezone.now())

    run = revoke()

    assert run.counts == {"lots taken back": 2, "players": 2}
    assert (balances("alice"), balances("bob")) == ({}, {})
    assert remaining("alice") == [("0.00", "CANCELLED")]
    entry = LedgerEntry.objects.filter(player_id="alice").latest("number")
    assert (entry.transaction_type, entry.amount, entry.description) == ("REVERSAL", Decimal("-70.00"), "Wrong rule")
    assert (entry.actor, entry.operation.run_id) == ("rob", run.pk)
    assert reconcile()["entries"] == 5


def test_a_second_run_takes_nothing() -> None:
    give(POINTS, "alice")
    revoke()
    entries = LedgerEntry.objects.count()

    assert revoke().counts == {"lots taken back": 0, "players": 0}
    assert LedgerEntry.objects.count() == entries


def test_of_a_bonus_that_was_played_what_remains_is_taken() -> None:
    give(BONUS, "alice")
    play("15.00")

    revoke()

    assert remaining("alice") == [("0.00", "CANCELLED")]
    lot = Lot.objects.get()
    assert (lot.end_reason, lot.ended_by) == ("Wrong rule", "rob")
    assert reconcile()["entries"] == 3


def test_caps_and_costs_are_freed_by_the_share_that_comes_back() -> None:
    give(BONUS, "alice")
    Lot.objects.update(expected_cost=Decimal("12.00"))
    play("10.00")

    revoke()

    lot = Lot.objects.get()
    assert (lot.promotional_value, lot.expected_cost) == (Decimal("10.00"), Decimal("3.00"))


def test_the_reward_history_shows_what_was_cancelled() -> None:
    give(POINTS, "alice")

    revoke()

    assert RewardHistory.objects.get().status == "CANCELLED"


def test_other_rules_and_other_credits_are_left_alone() -> None:
    give(POINTS, "alice")
    make_rule("OTHER", reward={"type": "TICKETS", "amount": 2})
    evaluate(ON + timedelta(days=1))

    revoke()

    assert balances("alice") == {"TICKETS": "2"}


def test_only_rewards_granted_since_a_date_are_taken_back() -> None:
    give(POINTS, "alice", frequency_period="DAY")
    evaluate(ON + timedelta(days=1))

    revoke(since=ON + timedelta(days=1))

    assert balances("alice") == {"LP": "100.00"}


def test_a_restricted_player_s_rewards_are_taken_back_too() -> None:
    give(POINTS, "alice")
    restrict(Player.objects.get(pk="alice"))

    revoke()

    assert balances("alice") == {}


def test_the_next_bonus_in_turn_begins_when_the_one_before_it_is_taken_back() -> None:
    give(BONUS, "alice", priority=2)
    make_rule("NEXT", reward=BONUS)
    evaluate(ON + timedelta(days=1))
    assert remaining("alice") == [("40.00", "ACTIVE"), ("40.00", "PENDING")]

    revoke()

    assert remaining("alice") == [("0.00", "CANCELLED"), ("40.00", "ACTIVE")]


def test_it_is_cut_into_chunks_of_whole_players(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoking, "LOTS_PER_CHUNK", 2)
    give(POINTS, "P1", "P2", "P3", "P4", "P5")

    run = revoke()

    assert run.counts == {"lots taken back": 5, "players": 5}
    assert run.steps.get().chunks.count() == 3


def test_a_preview_says_how_many_players_how_much_remains_and_how_much_was_used() -> None:
    give(POINTS, "alice", "bob", "carol")
    spend("alice", "30.00", at=timezone.now())
    spend("bob", "100.00", key="all", at=timezone.now())

    (line,) = preview_revocation(rule_id="GIFT").given

    assert (line.currency, line.players, line.lots, line.credited) == ("LP", 3, 3, Decimal(300))
    assert (line.players_left, line.lots_left, line.remaining, line.used) == (2, 2, Decimal(170), Decimal(130))
    assert LedgerEntry.objects.filter(transaction_type="REVERSAL").count() == 0


def test_a_preview_after_it_finds_nothing_left() -> None:
    give(POINTS, "alice")
    revoke()

    preview = preview_revocation(rule_id="GIFT")

    assert (preview.lots_left, str(preview.given[0].remaining)) == (0, "0")


def test_who_took_back_what_is_an_event() -> None:
    give(POINTS, "alice")

    run = revoke()

    event = RuleEvent.objects.latest("id")
    assert (event.act, event.by, event.reason) == ("REVOKED", person("rob"), "Wrong rule")
    assert event.details == {"run": run.pk, "lots_taken_back": 1, "players": 1}
    assert (run.kind, run.status) == ("REVOCATION", "SUCCEEDED")


@pytest.mark.parametrize("reason", ["", "x" * 201, "\x00"])
def test_it_needs_a_reason_that_can_be_stored(reason: str) -> None:
    give(POINTS, "alice")

    with pytest.raises(InvalidInputError, match="reason"):
        revoke(reason=reason)

    assert balances("alice") == {"LP": "100.00"}
    assert not Run.objects.filter(kind="REVOCATION").exists()


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(NotFoundError, match="'NOTHING'"):
        ask(rule_id="NOTHING")


def test_what_was_cut_off_goes_on_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoking, "LOTS_PER_CHUNK", 1)
    give(POINTS, "P1", "P2", "P3")
    run = ask()
    taken: list[Any] = []

    def breaks_after_one(**asked: Any) -> Any:
        if taken:
            raise OSError("the worker is gone")
        taken.append(asked)
        return take_back_rule(**asked)

    with monkeypatch.context() as broken:
        broken.setattr(revoking, "take_back_rule", breaks_after_one)
        with pytest.raises(OSError, match="the worker is gone"):
            run_revocation(run.pk)
    cut_off = revocation_progress(rule_id="GIFT", run_id=run.pk)
    done = run_revocation(run.pk)

    # Three edges make four chunks; the first holds nobody, as an edge begins the chunk after it.
    assert (cut_off.run.status, cut_off.run.error) == ("FAILED", "OSError: the worker is gone")
    assert (cut_off.chunks_done, cut_off.chunks, cut_off.percent, cut_off.is_open) == (1, 4, 25, False)
    assert (done.status, done.error, done.counts["players"]) == ("SUCCEEDED", "", 3)
    assert revocation_progress(rule_id="GIFT", run_id=run.pk).percent == 100


def test_one_that_waits_has_taken_nothing_yet() -> None:
    give(POINTS, "alice")

    waiting = revocation_progress(rule_id="GIFT", run_id=ask().pk)

    assert (waiting.run.status, waiting.percent, waiting.counts, waiting.is_open) == ("PENDING", 0, {}, True)
    assert balances("alice") == {"LP": "100.00"}


def test_the_lots_of_a_rule_are_found_without_reading_those_of_everybody() -> None:
    give(POINTS, "alice")
    fetch_rows("SELECT set_config('enable_seqscan', 'off', true)", [])

    plan = "\n".join(line for (line,) in fetch_rows("EXPLAIN SELECT * FROM wallet_lots WHERE rule_number = 1", []))

    assert "idx_lot_rule" in plan

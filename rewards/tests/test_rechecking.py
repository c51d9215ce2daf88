"""Two who evaluate one player at once: the second waits for the first, and then looks again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction

from core.policies import save_policy
from core.tests.threads import while_held_open
from loyalty.pipeline import process_players
from players.models import PlayerMetrics
from players.tests.factories import ON
from rewards.live import apply_reward
from rewards.models import RewardDecision, RewardHistory
from rewards.tests.factories import allocate, evaluate, issue, make_player, make_rule, verdicts
from wallet.ledger import lock_players
from wallet.models import LedgerEntry
from wallet.reconciliation import reconcile
from wallet.tests.locks import lock_players_doing_nothing

pytestmark = pytest.mark.django_db(transaction=True)
TOMORROW = ON + timedelta(days=1)


@contextmanager
def waiting_thread(work: Callable[[], object]) -> Iterator[None]:
    """Start work that must wait for the transaction of the block; it ends after the block, and its error is raised."""
    failures: list[BaseException] = []

    def in_thread() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # a thread's error must reach the test
            failures.append(error)
        finally:
            connection.close()

    thread = Thread(target=in_thread)
    with transaction.atomic():
        yield
        thread.start()
        thread.join(timeout=0.7)
        assert thread.is_alive(), failures
    thread.join(timeout=120)
    assert not thread.is_alive()
    assert failures == []


def test_what_may_be_given_once_is_given_once_by_nights_of_two_dates() -> None:
    make_player()
    make_rule(total_budget=100)
    with transaction.atomic():
        run = allocate(TOMORROW)

    def issue_tomorrows() -> None:
        with transaction.atomic():
            issue(run)

    with waiting_thread(issue_tomorrows):
        evaluate(ON)

    assert RewardDecision.objects.get(occasion=ON.isoformat()).verdict == "APPROVED"
    assert RewardDecision.objects.get(occasion=TOMORROW.isoformat()).reason == "FREQUENCY"
    assert LedgerEntry.objects.count() == RewardHistory.objects.count() == 1
    assert reconcile()["entries"] == 1


def test_a_live_evaluation_waits_for_whoever_holds_its_players() -> None:
    make_player()
    make_rule()

    with waiting_thread(lambda: process_players(player_ids=["alice"], on=ON)):
        lock_players(["alice"])
        PlayerMetrics.objects.update(bonus_abuse_score=90)

    assert verdicts() == {"GIFT": "PENDING_REVIEW ABUSE_REVIEW"}


def test_two_live_evaluations_of_a_player_give_once() -> None:
    make_player()
    make_rule()

    with waiting_thread(lambda: process_players(player_ids=["alice"], on=ON)):
        process_players(player_ids=["alice"], on=ON)

    assert RewardDecision.objects.count() == LedgerEntry.objects.count() == 1


def test_without_the_lock_a_live_evaluation_does_not_see_what_is_being_decided() -> None:
    make_player()
    make_rule()

    def find_abuse() -> None:
        lock_players(["alice"])
        PlayerMetrics.objects.update(bonus_abuse_score=90)

    with lock_players_doing_nothing():
        while_held_open(find_abuse, lambda: process_players(player_ids=["alice"], on=ON))

    assert verdicts() == {"GIFT": "APPROVED"}


def two_rules_under_a_cap_of_forty() -> tuple[Callable[[], object], Callable[[], object]]:
    make_player()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="40", saved_by=None)
    first, second = (make_rule(name, reward={"amount": 30}) for name in ("FIRST", "SECOND"))
    return (
        lambda: apply_reward(player_id="alice", rule=first, on=ON),
        lambda: apply_reward(player_id="alice", rule=second, on=ON),
    )


def test_a_live_evaluation_keeps_to_what_a_reward_under_way_leaves_of_a_cap() -> None:
    first, second = two_rules_under_a_cap_of_forty()

    with waiting_thread(second):
        first()

    assert verdicts() == {"FIRST": "APPROVED", "SECOND": "REDUCED"}
    assert [entry.amount for entry in LedgerEntry.objects.order_by("id")] == [30, 10]


def test_without_the_lock_a_live_evaluation_goes_beyond_the_cap() -> None:
    first, second = two_rules_under_a_cap_of_forty()

    with lock_players_doing_nothing():
        while_held_open(lambda: first() and None, second)

    assert [entry.amount for entry in LedgerEntry.objects.order_by("id")] == [30, 30]

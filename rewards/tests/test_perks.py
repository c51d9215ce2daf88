"""VIP perks: a task after a recorded approval, forward only, and a reward given once it is handed over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from core.errors import InvalidInputError, NotFoundError
from core.tests.threads import run_together
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.models import PerkTask, RewardDecision, RewardHistory, RulePlace
from rewards.perks import PerkStatusError, approve_perk, assign_perk, complete_perk, refuse_perk
from rewards.problems import RuleInvalidError
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule
from wallet.ledger import PlayerRestrictedError
from wallet.models import LedgerEntry

pytestmark = pytest.mark.django_db
AT = datetime(2025, 12, 22, 9, tzinfo=UTC)


def make_task() -> PerkTask:
    """Return the task of alice, whom a rule gives a dinner."""
    make_player()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1, "perk": "Dinner for two"})
    assert evaluate() == {"PENDING_REVIEW": 1}
    return PerkTask.objects.get()


def test_a_decided_perk_waits_for_approval() -> None:
    task = make_task()

    assert (task.player_id, task.rule_id, task.perk) == ("alice", "GIFT", "Dinner for two")
    assert task.amount == 1
    assert (task.status, task.decision_id) == ("WAITING_APPROVAL", decision().pk)
    assert decision().reason == "NEEDS_APPROVAL"
    assert not RewardHistory.objects.exists()


def test_a_perk_without_words_is_called_by_its_rule() -> None:
    make_player()
    make_rule("SUITE", reward={"type": "VIP_PERKS", "amount": 1})

    evaluate()

    assert PerkTask.objects.get().perk == "SUITE"


def test_an_approved_perk_is_handed_over_and_then_a_reward_given() -> None:
    task = make_task()

    approve_perk(task_id=task.pk, actor="ann", at=AT)
    done = complete_perk(task_id=task.pk, actor="ben", note="Voucher 17", at=AT)

    assert (done.status, done.approved_by, done.closed_by, done.note) == ("DONE", "ann", "ben", "Voucher 17")
    assert done.approved_at == done.closed_at == AT
    history = RewardHistory.objects.get()
    assert (history.reward_type, history.currency_type) == ("VIP_PERKS", "PERK")
    assert history.amount == 1
    assert (history.status, history.decision_id, history.completed_at) == ("COMPLETED", task.decision_id, AT)
    assert not LedgerEntry.objects.exists()


def test_nothing_is_handed_over_without_an_approval() -> None:
    task = make_task()

    with pytest.raises(PerkStatusError, match="only one that is OPEN can be handed over"):
        complete_perk(task_id=task.pk, actor="ben", note="Voucher 17")

    assert PerkTask.objects.get().status == "WAITING_APPROVAL"
    assert not RewardHistory.objects.exists()


@pytest.mark.parametrize("approved", [True, False])
def test_a_perk_is_refused_with_its_reason_and_stays_so(*, approved: bool) -> None:
    task = make_task()
    if approved:
        approve_perk(task_id=task.pk, actor="ann")

    refuse_perk(task_id=task.pk, actor="ben", note="Moved abroad", at=AT)

    task.refresh_from_db()
    assert (task.status, task.closed_by, task.note, task.closed_at) == ("REFUSED", "ben", "Moved abroad", AT)
    for step in (approve_perk, complete_perk, refuse_perk):
        with pytest.raises(PerkStatusError):
            step(task_id=task.pk, actor="cy", note="again")


def test_a_refused_perk_is_not_decided_again_the_next_night() -> None:
    task = make_task()
    refuse_perk(task_id=task.pk, actor="ben", note="Not this one")

    evaluate()

    assert PerkTask.objects.count() == 1


def test_a_perk_that_was_decided_for_another_date_meanwhile_is_not_asked_for_twice() -> None:
    make_player()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1}, max_players=5)
    run = allocate(ON + timedelta(days=1))
    evaluate(ON)

    assert issue(run) == {"REJECTED": 1}

    # Its id was drawn before that of the decision which came first.
    assert RewardDecision.objects.earliest("id").reason == "FREQUENCY"
    assert PerkTask.objects.count() == RulePlace.objects.count() == 1


def test_a_restricted_player_gets_no_perk_and_it_can_be_refused() -> None:
    task = make_task()
    restrict(Player.objects.get(pk="alice"))

    with pytest.raises(PlayerRestrictedError, match="refuse the perk"):
        approve_perk(task_id=task.pk, actor="ann")

    assert refuse_perk(task_id=task.pk, actor="ann", note="Self-excluded").status == "REFUSED"


def test_a_perk_is_given_to_somebody_to_do() -> None:
    task = make_task()
    host = User.objects.create_user("host")

    assert assign_perk(task_id=task.pk, assigned_to=host).assigned_to == host
    assert assign_perk(task_id=task.pk, assigned_to=None).assigned_to is None
    refuse_perk(task_id=task.pk, actor="ann", note="No")
    with pytest.raises(PerkStatusError, match="can be assigned"):
        assign_perk(task_id=task.pk, assigned_to=host)


def test_a_step_without_words_or_task_is_refused() -> None:
    task = make_task()

    with pytest.raises(InvalidInputError, match="note is empty"):
        refuse_perk(task_id=task.pk, actor="ann", note="")
    with pytest.raises(NotFoundError):
        approve_perk(task_id=task.pk + 1, actor="ann")


def test_only_perks_have_words() -> None:
    with pytest.raises(RuleInvalidError, match="perk"):
        make_rule(reward={"type": "TICKETS", "amount": 1, "perk": "Dinner"})
    with pytest.raises(RuleInvalidError, match="at most 200"):
        make_rule(reward={"type": "VIP_PERKS", "amount": 1, "perk": "x" * 201})


@pytest.mark.django_db(transaction=True)
def test_two_who_close_a_perk_at_once_close_it_once() -> None:
    task = make_task()
    approve_perk(task_id=task.pk, actor="ann")

    outcomes = run_together(
        lambda: complete_perk(task_id=task.pk, actor="ben", note="Here"),
        lambda: refuse_perk(task_id=task.pk, actor="cy", note="No"),
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PerkStatusError", "PerkTask"]

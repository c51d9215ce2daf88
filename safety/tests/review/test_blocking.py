"""The block that a score brings: what it forbids and ends at once, and that it waits for nobody in a circle."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.policies import save_policy
from core.tests.threads import run_together
from players.models import Player, PlayerRestriction, RestrictionChange
from players.tests.factories import AT
from safety.models import ReviewCase
from safety.review.deciding import decide_case
from safety.review.opening import flag_for_review, open_due_cases
from safety.tests.factories import make_signal
from safety.tests.review.factories import claimed_case, make_abuser, make_reviewer
from wallet.bonuses import add_bonus_balance
from wallet.ledger import PlayerRestrictedError, lock_players
from wallet.models import LedgerEntry, Lot, LoyaltyBalance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _block_from_81() -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)


def give_bonus(key: str) -> None:
    add_bonus_balance(
        player_id="alice", amount=40, wagering_requirement=Decimal(0), expiry=timedelta(days=9), key=key, actor="test"
    )


def test_a_block_by_the_score_ends_bonuses_and_forbids_credits_at_once() -> None:
    make_abuser()
    give_bonus("before")

    with transaction.atomic():
        open_due_cases(at=AT)
        # In the transaction of the block, before any other work has run.
        assert LoyaltyBalance.objects.get().bonus_balance == 0
        with pytest.raises(PlayerRestrictedError):
            give_bonus("after")

    block = PlayerRestriction.objects.get()
    assert (Lot.objects.get().status, block.applied_at) == ("CANCELLED", AT)
    assert LedgerEntry.objects.latest("id").description == f"Cancelled: blocked, restriction {block.pk}"
    assert list(RestrictionChange.objects.order_by("id").values_list("act", "actor")) == [
        ("IMPOSED", "abuse score"),
        ("APPLIED", "abuse score"),
    ]
    assert Player.objects.get().is_blocked
    assert ReviewCase.objects.get().money_at_stake == 0


def test_a_flag_blocks_whom_the_score_blocks() -> None:
    make_abuser()
    give_bonus("before")

    flag_for_review("alice", "Five names on one card")

    assert LoyaltyBalance.objects.get().bonus_balance == 0


def test_a_block_of_staff_that_begins_later_leaves_no_gap() -> None:
    alice = make_abuser()
    PlayerRestriction.objects.create(player=alice, kind="BLOCKED", source="staff", starts_at=AT + timedelta(days=30))

    assert open_due_cases(at=AT)["players blocked"] == 1


def test_a_decision_and_a_night_that_blocks_do_not_wait_for_each_other(transactional_db: None) -> None:
    save_policy(name="ABUSE_BLOCK_FROM", value="101", saved_by=None)
    alice = make_abuser()
    rita = make_reviewer()
    case = claimed_case(rita)
    make_signal(alice, 5)
    save_policy(name="ABUSE_BLOCK_FROM", value="81", saved_by=None)

    def decide() -> str:
        with transaction.atomic():
            lock_players(["alice"])
            # Time for the night to come as far as it may.
            time.sleep(0.5)
            decide_case(case_id=case.pk, outcome="CONFIRMED", reason="Looked at it", by=rita, at=AT)
        return "decided"

    outcomes = run_together(decide, lambda: open_due_cases(at=AT))

    assert outcomes[0] == "decided"
    assert isinstance(outcomes[1], dict)

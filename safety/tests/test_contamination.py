"""Credits by hand to players of the global control group: made, and marked as contamination."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from core.policies import save_policy
from players.models import Player
from safety.credit_checks import CapExceededError
from safety.grants import credit_bonus, credit_points
from safety.models import Contamination
from wallet.models import CurrencyType

pytestmark = pytest.mark.django_db


def hold_out(percent: str, *, salt: str = "1") -> None:
    save_policy(name="GLOBAL_HOLDOUT_PERCENT", value=percent, saved_by=None)
    save_policy(name="GLOBAL_HOLDOUT_SALT", value=salt, saved_by=None)


def test_a_credit_to_a_control_player_is_made_and_marked() -> None:
    hold_out("100", salt="spring")
    Player.objects.create(player_id="alice")

    posted = credit_bonus(
        player_id="alice", amount=20, wagering_requirement=Decimal(0), expiry=None, key="k", actor="ann"
    )
    points = credit_points(player_id="alice", amount=50, source="Sorry", key="p", actor="ben", currency=CurrencyType.RP)

    assert (posted.outcome, points.outcome) == ("POSTED", "POSTED")
    marks = Contamination.objects.order_by("id").values_list("player", "operation_id", "salt", "actor", "credited_on")
    assert list(marks) == [
        ("alice", posted.operation_id, "spring", "ann", timezone.localdate()),
        ("alice", points.operation_id, "spring", "ben", timezone.localdate()),
    ]
    assert Contamination.objects.earliest("id").money_value == 20


def test_a_credit_to_anybody_else_is_not() -> None:
    Player.objects.create(player_id="alice")

    credit_points(player_id="alice", amount=50, source="Sorry", key="p", actor="ann")

    assert not Contamination.objects.exists()


def test_a_retry_is_marked_once_and_never_later() -> None:
    Player.objects.create(player_id="alice")
    credit_points(player_id="alice", amount=50, source="Sorry", key="before", actor="ann")
    hold_out("100")

    for key in ("before", "p", "p"):
        credit_points(player_id="alice", amount=50, source="Sorry", key=key, actor="ann")

    assert Contamination.objects.count() == 1


def test_a_refused_credit_contaminates_nothing() -> None:
    hold_out("100")
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="1", saved_by=None)
    Player.objects.create(player_id="alice")

    with pytest.raises(CapExceededError):
        credit_bonus(player_id="alice", amount=20, wagering_requirement=Decimal(0), expiry=None, key="k", actor="ann")

    assert not Contamination.objects.exists()

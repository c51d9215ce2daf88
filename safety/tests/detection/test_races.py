"""Two who look at once, on the real database."""

from __future__ import annotations

import pytest

from core.tests.threads import run_together
from players.tests.factories import AT, make_bob, make_player
from safety.detection import detect_abuse_signals
from safety.models import AbuseSignal, Ring
from safety.tests.detection.factories import make_bonus, make_event, make_session

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_who_look_at_a_player_at_once_raise_one_signal() -> None:
    bob = make_bob()
    for number in range(3):
        make_bonus(bob, 72 + 10 * number)
        make_event(bob, "WITHDRAWAL", 71 + 10 * number, "60.00")

    outcomes = run_together(*[lambda: detect_abuse_signals("bob", at=AT)] * 4)

    assert [[signal.detector for signal in found] for found in outcomes] == [["WITHDRAWAL_AFTER_BONUS"]] * 4
    assert AbuseSignal.objects.count() == 1


def test_two_who_find_a_ring_at_once_make_one() -> None:
    for name in "abc":
        player = make_player(name)
        make_bonus(player, 48)
        make_session(player, device="D1")
    detect_abuse_signals("a", at=AT)

    # Each of the two sees a pair as long as the other's device is not known yet.
    run_together(*[lambda name=name: detect_abuse_signals(name, at=AT) for name in "bc"])

    assert Ring.objects.count() == 1

"""Signals in shadow judged as a sample: precision without consequence for the player."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from core.errors import InvalidInputError, NotFoundError
from players.tests.factories import AT, make_bob, make_player
from safety.abuse import calculate_abuse_score
from safety.detection.labelling import NotInShadowError, label_signal, next_to_label, signals_to_label
from safety.detection.precision import precision_of
from safety.detection.running import detect_everybody, look_at_player
from safety.models import AbuseSignal, Detector, ReviewCase, SignalLabel
from safety.review.opening import open_due_cases
from safety.tests.detection.factories import make_bonus, make_event, only

pytestmark = pytest.mark.django_db
CODE = "WITHDRAWAL_AFTER_BONUS"
TOMORROW = AT + timedelta(days=1)
# a, b, c, d by the MD5 of "WITHDRAWAL_AFTER_BONUS:" and the player.
DRAWN = ["d", "b", "a", "c"]


@pytest.fixture
def risk() -> User:
    return User.objects.create_user("risk")


def abuse(name: str = "bob", *, hours: float = 72) -> None:
    """Have a player withdraw an hour after each of three bonuses."""
    player = make_bob() if name == "bob" else make_player(name)
    for number in range(3):
        make_bonus(player, hours + 10 * number)
        make_event(player, "WITHDRAWAL", hours + 10 * number - 1, "60.00")


def found_in_shadow(*names: str) -> list[AbuseSignal]:
    only(CODE)
    Detector.objects.filter(pk=CODE).update(mode="SHADOW")
    for name in names:
        abuse(name)
    detect_everybody(at=AT)
    return list(AbuseSignal.objects.order_by("player_id"))


def test_a_confirmed_signal_in_shadow_counts_for_the_detector_and_not_for_the_player(risk: User) -> None:
    (signal,) = found_in_shadow("bob")

    label_signal(signal_id=signal.pk, finding="CONFIRMED", note="same bank card", by=risk, at=AT)

    found = precision_of(CODE)
    assert (found.confirmed, found.dismissed, found.open, found.shadow) == (1, 0, 1, 1)
    assert calculate_abuse_score("bob", at=AT) == 0
    open_due_cases(at=AT)
    assert ReviewCase.objects.count() == 0
    kept = SignalLabel.objects.get()
    assert (kept.labelled_by, kept.note, kept.description) == (risk, "same bank card", signal.description)


def test_a_false_alarm_is_not_raised_again_by_what_was_judged(risk: User) -> None:
    (signal,) = found_in_shadow("bob")

    label_signal(signal_id=signal.pk, finding="FALSE_ALARM", by=risk, at=AT)
    detect_everybody(at=TOMORROW)

    assert AbuseSignal.objects.get().outcome == "DISMISSED"
    assert (precision_of(CODE).confirmed, precision_of(CODE).dismissed, precision_of(CODE).rate) == (0, 1, 0.0)


def test_once_its_detector_counts_and_finds_it_again_a_confirmed_signal_counts_and_keeps_its_label(risk: User) -> None:
    (signal,) = found_in_shadow("bob")
    label_signal(signal_id=signal.pk, finding="CONFIRMED", by=risk, at=AT)
    Detector.objects.filter(pk=CODE).update(mode="ACTIVE", severity=10)

    score, _ = look_at_player("bob", at=TOMORROW)

    signal.refresh_from_db()
    assert (signal.is_shadow, signal.outcome, score) == (False, "", 50)
    assert precision_of(CODE).confirmed == 1


def test_the_sample_is_everybody_once_in_an_order_that_nobody_chooses(risk: User) -> None:
    found_in_shadow("a", "b", "c", "d")

    drawn = [signal.player_id for signal in signals_to_label(CODE)]

    assert drawn == DRAWN
    first = next_to_label(CODE)
    assert first is not None
    assert next_to_label(CODE, after=first.pk) == signals_to_label(CODE)[1]
    label_signal(signal_id=first.pk, finding="CONFIRMED", by=risk, at=AT)
    assert [signal.player_id for signal in signals_to_label(CODE)] == DRAWN[1:]


def test_a_mistake_is_put_right_by_judging_again(risk: User) -> None:
    (signal,) = found_in_shadow("bob")
    label_signal(signal_id=signal.pk, finding="FALSE_ALARM", by=risk, at=AT)

    label_signal(signal_id=signal.pk, finding="CONFIRMED", by=risk, at=TOMORROW)

    signal.refresh_from_db()
    assert (signal.is_resolved, signal.outcome, signal.judged_at) == (False, "", None)
    assert (precision_of(CODE).confirmed, precision_of(CODE).dismissed) == (1, 0)
    assert SignalLabel.objects.count() == 2


def test_the_same_finding_twice_is_one_label(risk: User) -> None:
    (signal,) = found_in_shadow("bob")

    first = label_signal(signal_id=signal.pk, finding="CONFIRMED", by=risk, at=AT)
    again = label_signal(signal_id=signal.pk, finding="CONFIRMED", by=risk, at=TOMORROW)

    assert again == first


def test_a_signal_that_counts_is_judged_in_its_case(risk: User) -> None:
    only(CODE)
    abuse()
    detect_everybody(at=AT)

    with pytest.raises(NotInShadowError, match="counts, or was reported by a person: its review case decides it"):
        label_signal(signal_id=AbuseSignal.objects.get().pk, finding="CONFIRMED", by=risk)


def test_a_wrong_finding_and_an_unknown_signal_are_named(risk: User) -> None:
    with pytest.raises(InvalidInputError, match="finding is 'MAYBE': one of CONFIRMED, FALSE_ALARM is needed"):
        label_signal(signal_id=1, finding="MAYBE", by=risk)
    with pytest.raises(NotFoundError, match="there is no signal 77"):
        label_signal(signal_id=77, finding="CONFIRMED", by=risk)

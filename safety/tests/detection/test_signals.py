"""Signals: raised once, counted when found again, never by what was judged, without consequence in shadow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import NotFoundError
from core.runs import KeyRange
from players.models import Activity, Player, PlayerMetrics
from players.tests.factories import AT, make_alice, make_bob, make_carol, make_measured, make_player
from safety.abuse import calculate_abuse_score
from safety.detection import detect_abuse_signals
from safety.detection.catalogue import detectors_on_trial
from safety.detection.running import (
    detect_among_players,
    detect_by_player,
    detect_everybody,
    look_at_player,
)
from safety.models import AbuseSignal, Detector, Link
from safety.tests.detection.factories import judge, make_bonus, make_event, make_session, unjudged

pytestmark = pytest.mark.django_db
CODE = "WITHDRAWAL_AFTER_BONUS"
TOMORROW = AT + timedelta(days=1)


def abuse(player: Player, *, days_ago: int = 3) -> None:
    for number in range(3):
        make_bonus(player, 24 * days_ago + 10 * number)
        make_event(player, "WITHDRAWAL", 24 * days_ago + 10 * number - 1, "60.00")


def test_the_same_evidence_found_again_adds_no_signal_and_does_not_renew_its_age() -> None:
    abuse(make_bob())

    detect_everybody(at=AT)
    detect_everybody(at=TOMORROW)

    signal = AbuseSignal.objects.get()
    assert signal.times_seen == 2
    assert (signal.first_seen_at, signal.detected_at, signal.last_seen_at) == (AT, AT, TOMORROW)


def test_newer_evidence_joins_the_open_signal_and_renews_its_age() -> None:
    bob = make_bob()
    abuse(bob)
    detect_everybody(at=AT)
    make_bonus(bob, -10)
    make_event(bob, "WITHDRAWAL", -11, "60.00")

    detect_everybody(at=TOMORROW)

    signal = AbuseSignal.objects.get()
    assert (signal.detected_at, signal.first_seen_at) == (TOMORROW, AT)
    assert signal.metadata["figures"]["times"] == 4


@pytest.mark.parametrize("outcome", ["DISMISSED", "CONFIRMED"])
def test_what_was_judged_is_not_raised_again_and_new_evidence_alone_is_counted(outcome: str) -> None:
    bob = make_bob()
    abuse(bob)
    detect_everybody(at=AT)
    judge("bob", outcome)
    make_bonus(bob, -1)
    make_event(bob, "WITHDRAWAL", -2, "60.00")

    detect_everybody(at=TOMORROW)
    assert not unjudged()

    abuse(bob, days_ago=-2)
    detect_everybody(at=AT + timedelta(days=3))
    assert unjudged().get().metadata["figures"]["times"] == 4


def test_a_signal_of_a_detector_in_shadow_is_logged_and_does_not_count() -> None:
    Detector.objects.filter(pk=CODE).update(mode="SHADOW")
    abuse(make_bob())

    detect_everybody(at=AT)

    assert AbuseSignal.objects.get().is_shadow
    assert calculate_abuse_score("bob", at=AT) == 0


def test_an_active_detectors_signal_counts_by_its_severity() -> None:
    abuse(make_bob())

    detect_everybody(at=AT)

    # 5 × 4.
    assert calculate_abuse_score("bob", at=AT) == 20


def test_switching_a_detector_on_makes_open_shadow_signals_count_once_they_are_found_again() -> None:
    Detector.objects.filter(pk=CODE).update(mode="SHADOW")
    abuse(make_bob())
    detect_everybody(at=AT)
    Detector.objects.filter(pk=CODE).update(mode="ACTIVE")

    detect_everybody(at=TOMORROW)

    assert not AbuseSignal.objects.get().is_shadow


def test_a_detector_that_is_off_finds_nothing_unless_it_is_tried() -> None:
    Detector.objects.update(mode="OFF")
    abuse(make_bob())

    detect_everybody(at=AT)
    assert AbuseSignal.objects.count() == 0

    detect_everybody(at=AT, detectors=detectors_on_trial())
    assert AbuseSignal.objects.get().is_shadow


def test_a_trial_leaves_the_signals_of_active_detectors_alone() -> None:
    abuse(make_bob())
    detect_everybody(at=AT)

    detect_everybody(at=TOMORROW, detectors=detectors_on_trial())

    signal = AbuseSignal.objects.get()
    assert (signal.is_shadow, signal.times_seen) == (False, 1)


def test_the_night_notes_what_its_ranges_found_together() -> None:
    for name in ("ann", "max", "zoe"):
        abuse(make_player(name))

    for keys in (KeyRange(upper="m"), KeyRange(lower="m", upper="n"), KeyRange(lower="n")):
        detect_by_player(at=AT, keys=keys)
    detect_among_players(at=AT)

    noted = Detector.objects.get(pk=CODE)
    assert (noted.last_run_at, noted.last_run) == (AT, {"found": 3, "found again": 0, "new": 3})


def test_looking_at_one_player_finds_what_the_night_finds_and_nobody_else() -> None:
    abuse(make_bob())
    abuse(make_alice())

    live = detect_abuse_signals("bob", at=AT)
    assert [signal.player_id for signal in live] == ["bob"]
    assert set(AbuseSignal.objects.values_list("player_id", flat=True)) == {"bob"}
    told = (live[0].description, live[0].metadata)
    AbuseSignal.objects.all().delete()
    detect_by_player(at=AT)
    detect_among_players(at=AT)

    assert set(AbuseSignal.objects.values_list("player_id", flat=True)) == {"alice", "bob"}
    night = AbuseSignal.objects.get(player_id="bob")
    assert (night.description, night.metadata) == told


def test_looking_at_one_player_stores_the_scores_that_follow() -> None:
    abuse(make_measured("bob"))

    score, signals = look_at_player("bob", at=AT)

    assert (score, len(signals)) == (20, 1)
    assert PlayerMetrics.objects.get().bonus_abuse_score == 20
    assert Player.objects.get().risk_score == 20


def test_an_unknown_player_is_named() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'dora'"):
        detect_abuse_signals("dora")


def test_events_of_a_player_whom_nobody_knows_are_passed_over() -> None:
    carol = make_carol()
    abuse(carol)
    Activity.objects.update(player_id="gone")

    detect_everybody(at=AT)

    assert AbuseSignal.objects.count() == 0


def test_links_remember_the_first_and_the_last_day_of_a_device() -> None:
    bob = make_bob()
    make_session(bob, device="D1", hours=100)
    make_session(bob, device="D1", ip="192.0.2.1", hours=10)

    detect_by_player(at=AT)
    detect_by_player(at=AT)

    days = {link.value: (link.first_seen_on.day, link.last_seen_on.day) for link in Link.objects.all()}
    assert days == {"D1": (17, 21), "192.0.2.1": (21, 21)}

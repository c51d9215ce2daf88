"""Thresholds as data, changes with a reason, and the figures in whose sight a detector is switched on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from core.errors import InvalidInputError, NotFoundError
from players.models import Player
from players.tests.factories import AT, make_player
from safety.abuse import calculate_abuse_score
from safety.detection.catalogue import DEFINITIONS, detectors_in_force, shipped_thresholds, thresholds_of
from safety.detection.changing import ConfirmationNeededError, DetectorSettings, change_detector
from safety.detection.precision import precision_of, wilson_interval
from safety.detection.thresholds import ThresholdError, as_json, parse_thresholds
from safety.models import AbuseSignal, Detector, DetectorChange, ReviewCase
from safety.tests.detection.factories import judge

pytestmark = pytest.mark.django_db
CODE = "LOW_RISK_WAGERING"


def change(code: str = CODE, **settings: Any) -> DetectorChange | None:
    row = Detector.objects.get(pk=code)
    held = {"mode": row.mode, "severity": row.severity, "thresholds": as_json(thresholds_of(row))}
    is_confirmed = settings.pop("is_confirmed", False)
    reason = settings.pop("reason", "too many of them")
    return change_detector(
        code=code,
        settings=DetectorSettings(**{**held, **settings}),
        reason=reason,
        changed_by=User.objects.filter(username="risk").first(),
        is_confirmed=is_confirmed,
    )


def test_every_definition_has_its_row_and_the_documented_signs_count_at_once() -> None:
    modes = dict(Detector.objects.values_list("code", "mode"))

    assert set(modes) == set(DEFINITIONS)
    assert {code for code, mode in modes.items() if mode == "ACTIVE"} == {
        "BONUS_ONLY_PLAY",
        "WITHDRAWAL_AFTER_BONUS",
        "MINIMUM_BETS",
        "SHARED_DEVICE",
        "ABNORMAL_WIN_RATE",
    }
    assert {mode for code, mode in modes.items() if mode != "ACTIVE"} == {"SHADOW"}


@pytest.mark.parametrize("code", list(DEFINITIONS))
def test_what_is_shipped_reads_as_it_is_written(code: str) -> None:
    shipped = shipped_thresholds(code)

    assert parse_thresholds(as_json(shipped), declared=DEFINITIONS[code].thresholds) == shipped


WRONG = [
    ({"bets_mim": 3}, "thresholds.bets_mim is no threshold of this detector: did you mean 'bets_min'?"),
    ({"bets_min": 1.5}, "thresholds.bets_min is 1.5: a whole number from 1 to 1000000 is needed, for example 50"),
    ({"bets_min": True}, "thresholds.bets_min is True: a whole number"),
    ({"bets_min": "50"}, "thresholds.bets_min is '50': a whole number"),
    ({"calm_max": 1.01}, "thresholds.calm_max is 1.01: a number from 0 to 1 is needed, for example 0.35"),
    ({"window_days": 0}, "thresholds.window_days is 0: a whole number from 1 to 365"),
    ([], r"thresholds is \[\]: a JSON object"),
]


@pytest.mark.parametrize(("thresholds", "message"), WRONG)
def test_thresholds_that_cannot_be_are_refused_by_their_path(thresholds: Any, message: str) -> None:
    with pytest.raises(ThresholdError, match=message):
        change(thresholds=thresholds)

    assert Detector.objects.get(pk=CODE).thresholds == {}
    assert DetectorChange.objects.count() == 0


def test_figures_by_category_and_lists_are_checked_member_by_member() -> None:
    with pytest.raises(ThresholdError, match=r"thresholds.payout_caps.slots is 0: a number from 1 to 1000"):
        change("ABNORMAL_WIN_RATE", thresholds={"payout_caps": {"slots": 0}})
    with pytest.raises(ThresholdError, match=r"thresholds.review_values\[1\] is 'many': a number"):
        change("CLAIMS_UNDER_LIMITS", thresholds={"review_values": [500, "many"]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "ON"}, "mode is 'ON': one of OFF, SHADOW, ACTIVE is needed"),
        ({"severity": 11}, "severity is 11: a whole number from 1 to 10"),
        ({"severity": 6, "reason": " "}, "a reason of 1 to 500 characters"),
    ],
)
def test_other_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        change(**settings)


def test_an_unknown_detector_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="there is no detector 'NOTHING'; there are ABNORMAL_WIN_RATE"):
        change_detector(
            code="NOTHING",
            settings=DetectorSettings(mode="OFF", severity=1, thresholds={}),
            reason="x",
            changed_by=None,
        )


def test_a_change_is_kept_with_who_when_why_and_holds() -> None:
    User.objects.create_user("risk")

    kept = change(severity=7, thresholds={"bets_min": 80}, reason="fewer bets prove nothing")

    assert kept is not None
    assert (kept.changed_by.username, kept.reason) == ("risk", "fewer bets prove nothing")  # type: ignore[union-attr]
    assert (kept.before["severity"], kept.after["severity"]) == (5, 7)
    assert (kept.before["thresholds"]["bets_min"], kept.after["thresholds"]["bets_min"]) == (50, 80)
    held = next(detector for detector in detectors_in_force() if detector.code == CODE)
    assert (held.severity, held.thresholds["bets_min"], held.thresholds["window_days"]) == (7, 80, 60)


def test_saving_what_holds_changes_nothing() -> None:
    assert change() is None
    assert DetectorChange.objects.count() == 0


def signal(name: str, detector: str = CODE) -> Player:
    player = Player.objects.filter(pk=name).first() or make_player(name)
    AbuseSignal.objects.create(
        player=player, signal_type=detector, detector=detector, severity=5, is_shadow=True, evidence_until=AT
    )
    return player


def test_switching_on_must_be_confirmed_in_sight_of_the_figures() -> None:
    for name in "abc":
        signal(name)
    judge("a", "CONFIRMED")
    judge("b", "DISMISSED")

    with pytest.raises(ConfirmationNeededError, match=r"50 % confirmed \(1 of 2 judged players") as refusal:
        change(mode="ACTIVE")
    assert refusal.value.details["signals"] == 3
    assert Detector.objects.get(pk=CODE).mode == "SHADOW"

    kept = change(mode="ACTIVE", is_confirmed=True)
    assert kept is not None
    assert (kept.precision["confirmed"], kept.precision["dismissed"]) == (1, 1)
    assert Detector.objects.get(pk=CODE).mode == "ACTIVE"


def test_switching_off_needs_no_confirmation() -> None:
    assert change("MINIMUM_BETS", mode="SHADOW") is not None


@pytest.mark.parametrize("mode", ["SHADOW", "OFF"])
def test_of_a_detector_that_counts_no_longer_what_nobody_judged_stops_counting(mode: str) -> None:
    for name in "ab":
        signal(name, "MINIMUM_BETS")
    AbuseSignal.objects.update(is_shadow=False)
    judge("a", "CONFIRMED")

    change("MINIMUM_BETS", mode=mode)

    assert dict(AbuseSignal.objects.values_list("player_id", "is_shadow")) == {"a": False, "b": True}
    assert (calculate_abuse_score("a", at=AT), calculate_abuse_score("b", at=AT)) == (25, 0)


def test_too_few_judgements_and_a_low_bound_are_warned_of_and_kept_with_the_change() -> None:
    for number in range(20):
        signal(f"p{number}")
    for number in range(19):
        judge(f"p{number}", "CONFIRMED")
    assert precision_of(CODE).caution() == (
        "Only 19 of its players were judged, 20 are wanted: judge a sample of its signals."
    )
    with pytest.raises(ConfirmationNeededError, match="Only 19 of its players were judged, 20 are wanted"):
        change(mode="ACTIVE")

    judge("p19", "CONFIRMED")
    assert precision_of(CODE).caution() == ""

    # 14 of 20: 48 to 85 %.
    for number in range(6):
        judge(f"p{number}", "DISMISSED")
    assert precision_of(CODE).caution() == "As few as 48 in a hundred of its signals may be right."
    kept = change(mode="ACTIVE", is_confirmed=True)
    assert kept is not None
    assert kept.precision["caution"] == precision_of(CODE).caution()


def test_who_was_reviewed_for_other_signs_is_told_apart() -> None:
    signal("a")
    signal("a", "SHARED_DEVICE")
    judge("a", "CONFIRMED", detector="SHARED_DEVICE")
    signal("b")
    ReviewCase.objects.create(
        player=signal("c"), cause="FLAG", opened_at=AT, due_at=AT, status="DECIDED", outcome="DISMISSED", decided_at=AT
    )

    found = precision_of(CODE)

    assert (found.signals, found.open, found.shadow) == (3, 3, 3)
    assert (found.confirmed, found.dismissed, found.rate) == (0, 0, None)
    assert (found.confirmed_elsewhere, found.dismissed_elsewhere) == (1, 1)
    assert found.in_words() == (
        "nobody has judged one of its signals yet; of 2 others who were reviewed for other signs 1 were confirmed"
    )


def test_a_signal_that_was_dismissed_speaks_against_its_detector_though_another_was_right() -> None:
    signal("a")
    signal("a", "SHARED_DEVICE")
    judge("a", "CONFIRMED", detector="SHARED_DEVICE")
    judge("a", "DISMISSED", detector=CODE)

    assert (precision_of(CODE).confirmed, precision_of(CODE).dismissed) == (0, 1)


def test_whom_nobody_judged_says_nothing() -> None:
    signal("a")

    assert precision_of(CODE).rate is None
    assert precision_of(CODE).in_words() == "nobody has judged one of its signals yet"


# Textbook values of Wilson's 95 % interval.
@pytest.mark.parametrize(
    ("confirmed", "judged", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilsons(confirmed: int, judged: int, low: float, high: float) -> None:
    interval = wilson_interval(confirmed=confirmed, judged=judged)

    assert interval == pytest.approx((low, high), abs=0.0001)
    assert wilson_interval(confirmed=0, judged=0) is None

"""`manage.py detect_abuse`."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from players.tests.factories import make_bob
from safety.models import AbuseSignal, Detector
from wallet.models import Lot

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detect_abuse", *arguments, stdout=out)
    return out.getvalue()


def grant_just_under_the_cap() -> None:
    bob = make_bob()
    for days in (9, 18, 27):
        at = timezone.now() - timedelta(days=days)
        Lot.objects.create(
            player=bob,
            operation_id=0,
            currency_type="BONUS",
            kind="REWARD",
            amount=990,
            remaining=0,
            promotional_value=990,
            granted_on=at.date(),
            created_at=at,
        )


def test_everybody_is_looked_at_and_a_row_told_of_each_detector() -> None:
    grant_just_under_the_cap()

    told = run()

    assert all(code in told for code in Detector.objects.values_list("code", flat=True))
    assert AbuseSignal.objects.get().detector == "CLAIMS_UNDER_LIMITS"


def test_one_player_is_looked_at_and_what_was_found_told() -> None:
    grant_just_under_the_cap()

    assert "3 times the grants stopped at most 5.0 % below the daily cap." in run("--player", "bob")
    with pytest.raises(CommandError, match="there is no player 'dora'"):
        run("--player", "dora")


def test_a_trial_runs_what_does_not_count_those_that_are_off_too() -> None:
    Detector.objects.filter(pk="CLAIMS_UNDER_LIMITS").update(mode="OFF")
    grant_just_under_the_cap()

    told = run("--shadow")

    assert "MINIMUM_BETS" not in told
    assert AbuseSignal.objects.get().is_shadow

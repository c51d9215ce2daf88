"""Averages where files give some totals and the feed gives all: only what is known of both is divided."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from players.activity.switching import switch_source
from players.metrics import refresh_metrics
from players.models import PlayerMetrics
from players.tests.activity.events import record, session, wager
from players.tests.factories import make_measured
from players.tests.importing.files import HEADER, imported

pytestmark = pytest.mark.django_db
DOCUMENTED = f"{HEADER},sessions,playtime_hours"


def averages() -> tuple[Any, ...]:
    found = PlayerMetrics.objects.get()
    return found.avg_bet_size, found.bets_per_session, found.avg_session_duration


def switch(to: str) -> None:
    switch_source(player_ids=["alice"], to=to, reason="Now live", as_of=date(2026, 3, 9), today=date(2026, 3, 10))


def test_an_opening_balance_without_bets_does_not_swell_the_average_bet(tmp_path: Path) -> None:
    imported(tmp_path, "alice,5000,15000,12000,25,48", header=DOCUMENTED)
    assert averages() == (None, None, Decimal("1.92"))
    switch("FEED")

    record(wager("w1", "10.00"), wager("w2", "20.00", clock="12:10"))

    # Two bets of 30 in one session; 48 h and the 10 minutes between them in 26 sessions.
    assert averages() == (Decimal("15.00"), Decimal("2.0000"), Decimal("1.8527"))
    assert refresh_metrics() == 0


def test_what_files_without_bets_add_later_is_left_out_and_a_file_with_bets_gives_all(tmp_path: Path) -> None:
    make_measured("alice", profile={"source": "FEED"})
    record(wager("w1", "10.00"))
    switch("FILE")

    imported(tmp_path, "alice,0,1010,0,3,2", header=DOCUMENTED)
    assert averages()[:2] == (Decimal("10.00"), Decimal("1.0000"))

    imported(tmp_path, "alice,0,1010,0,3,2,101", header=f"{DOCUMENTED},bets")
    assert averages() == (Decimal("10.00"), Decimal("33.6667"), Decimal("0.6667"))


def test_bets_without_sessions_do_not_swell_the_bet_frequency(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,600,0,60", header=f"{HEADER},bets")
    assert averages() == (Decimal("10.00"), None, None)
    switch("FEED")

    record(wager("w1", "15.00"), session("s1", "11:30", "12:30"))

    # 615 by 61 bets; one bet in one session of an hour.
    assert averages() == (Decimal("10.08"), Decimal("1.0000"), Decimal("1.0000"))

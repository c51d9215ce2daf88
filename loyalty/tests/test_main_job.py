"""The main job end to end: spreadsheet → metrics → segments → tiers → rules → safety → wallet → reward history."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import Sum

from core.environment import PROJECT_FOLDER
from core.models import Run
from loyalty.fixtures import load_rules
from loyalty.pipeline import open_night, process_players, work_on_night
from players.importing import ImportOptions, import_players
from players.models import Player, PlayerMetrics
from rewards.models import RewardDecision, RewardHistory
from wallet.models import LedgerEntry
from wallet.reconciliation import reconcile

REAL_PLAYERS = PROJECT_FOLDER.parent / "shared" / "data" / "bwin_2005_players.csv"


def run_night_of(on: date) -> Run:
    return work_on_night(open_night(business_date=on))


@pytest.fixture
def worked_case(db: None, tmp_path: Path) -> None:
    """The documented row, imported as of the day after its last deposit, and the documented rules."""
    file = tmp_path / "players.csv"
    file.write_text(
        "player_id,total_deposited,total_wagered,total_won,sessions,playtime_hours,last_deposit_date\n"
        "P001,5000,15000,12000,25,48,2025-12-20\n"
    )
    load_rules()
    import_players(file, options=ImportOptions(as_of=date(2025, 12, 21)))


@pytest.mark.usefixtures("worked_case")
def test_the_worked_case_gets_its_documented_cashback() -> None:
    run_night_of(date(2025, 12, 21))

    metrics = PlayerMetrics.objects.select_related("player").get(player_id="P001")
    assert (metrics.net_pnl, metrics.player.segment) == (Decimal("-3000.00"), "LOSING")
    reward = RewardHistory.objects.get(rule_id="LOSING_PLAYER_CASHBACK")
    assert (reward.amount, reward.currency_type) == (Decimal("300.00"), "BONUS")
    assert reward.wagering_required == Decimal("3000.00")
    entry = LedgerEntry.objects.get(player_id="P001", currency_type="BONUS")
    assert (entry.amount, entry.balance_after) == (Decimal("300.00"), Decimal("300.00"))


@pytest.mark.usefixtures("worked_case")
def test_a_player_processed_by_hand_is_not_paid_again_by_the_night_of_that_date() -> None:
    process_players(player_ids=["P001"], on=date(2025, 12, 21))
    paid = RewardHistory.objects.count()

    run_night_of(date(2025, 12, 21))

    assert paid > 0
    assert RewardHistory.objects.count() == paid


@pytest.mark.usefixtures("worked_case")
def test_what_safety_refuses_says_why() -> None:
    PlayerMetrics.objects.update(total_sessions=3000)

    run_night_of(date(2025, 12, 21))

    decision = RewardDecision.objects.get(rule__rule_id="LOSING_PLAYER_CASHBACK")
    assert (decision.verdict, decision.reason, decision.amount_given) == ("REJECTED", "UNPROFITABLE", Decimal(0))
    assert decision.amount_computed == Decimal("300.00")
    assert decision.reasons[0]["expected_cost"] == 150
    assert decision.expected_margin is not None
    assert decision.expected_margin < 150


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not REAL_PLAYERS.exists(), reason=f"the real players are not at {REAL_PLAYERS}")
def test_forty_thousand_real_players_are_segmented_and_rewarded_as_known() -> None:
    load_rules()
    import_players(REAL_PLAYERS, options=ImportOptions(as_of=date(2005, 9, 30)))

    run_night_of(date(2005, 9, 30))

    segments = Counter(Player.objects.values_list("segment", flat=True))
    assert segments == {"NEW": 33_175, "LOSING": 5_282, "BREAKEVEN": 1_513, "WINNING": 482, "VIP": 47}
    totals = PlayerMetrics.objects.aggregate(wagered=Sum("total_wagered"), won=Sum("total_won"))
    assert abs(totals["wagered"] - Decimal("61654513.02")) < 1
    assert abs(totals["won"] - Decimal("55711593.58")) < 1
    assert RewardHistory.objects.values("rule_id").distinct().count() >= 3
    entries = LedgerEntry.objects.count()
    assert reconcile()["entries"] == entries == RewardHistory.objects.count()
    run_night_of(date(2005, 9, 30))
    assert LedgerEntry.objects.count() == entries

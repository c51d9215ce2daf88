"""A batch of events: stored once, counted in days, totals and times; what follows from each kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from players.activity import ActivityRefusedError
from players.metrics import refresh_volatility
from players.models import Activity, ActivityKey, GameCategory, Player, PlayerDay, PlayerMetrics, Tier
from players.tests.activity.events import AT, correct, event, record, session, wager, win
from players.tests.factories import make_alice, make_bob, make_carol, make_day, make_measured, make_player

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)


def day_of(player_id: str = "alice", on: date = ON) -> Any:
    return PlayerDay.objects.get(player=player_id, on=on)


def test_real_money_is_counted_and_bonus_money_is_not() -> None:
    make_alice()

    record(
        event("DEPOSIT", "d1", "09:00", amount="100.00"),
        wager("w1", "10.50", bonus_amount="0.50", game_category="slots"),
        wager("w2", "3.00", bonus_amount="3.00", game_category="slots"),
        win("p1", "25.00", bonus_amount="5.00", game_category="slots"),
        event("WITHDRAWAL", "o1", "13:00", amount="40.00"),
    )

    day = day_of()
    assert (day.deposited, day.withdrawn, day.wagered, day.won) == (100, 40, 10, 20)
    assert (day.bets, day.games) == (1, {"slots": {"bets": 1, "wagered": "10.00", "won": "20.00"}})
    metrics: Any = PlayerMetrics.objects.get(player="alice")
    assert (metrics.total_deposited, metrics.total_withdrawn) == (100, 40)
    assert (metrics.total_wagered, metrics.total_won, metrics.total_bets) == (10, 20, 1)
    assert (metrics.net_pnl, metrics.win_loss_ratio, metrics.avg_bet_size) == (10, 2, 10)
    assert (metrics.games_played, metrics.game_diversity) == ({"slots": 1}, 1)


def test_times_and_the_declared_source_follow_from_the_first_events() -> None:
    make_alice()

    record(event("DEPOSIT", "d1", "09:00", amount="5"), wager("w1", clock="11:00"), win("p1", clock="15:00"))

    alice, metrics = Player.objects.get(pk="alice"), PlayerMetrics.objects.get(player="alice")
    assert (alice.source, alice.last_activity_at) == ("FEED", datetime(2026, 3, 10, 11, tzinfo=UTC))
    assert metrics.first_deposit_at == metrics.last_deposit_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert (metrics.last_wager_at, metrics.days_from) == (datetime(2026, 3, 10, 11, tzinfo=UTC), ON)


def test_a_late_event_counts_on_its_own_day_and_moves_no_time_back() -> None:
    make_alice()
    record(wager("w1"))

    record(wager("w0", "4.00", occurred_at="2026-02-01T08:00:00Z"))

    assert day_of(on=date(2026, 2, 1)).wagered == Decimal("4.00")
    metrics: Any = PlayerMetrics.objects.get(player="alice")
    assert (metrics.total_wagered, metrics.days_from) == (14, date(2026, 2, 1))
    assert Player.objects.get(pk="alice").last_activity_at == datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_volatility_follows_an_event_that_came_late() -> None:
    make_alice()
    record(
        wager("w1", "10.00", occurred_at="2026-02-01T08:00:00Z"),
        wager("w2", "10.00", occurred_at="2026-02-02T08:00:00Z"),
    )
    PlayerMetrics.objects.update(updated_at=datetime(2026, 2, 3, tzinfo=UTC))
    since = date(2026, 3, 9)
    assert refresh_volatility(active_since=since, written_since=since) == 0

    record(win("p1", "40.00", occurred_at="2026-02-02T09:00:00Z"))

    assert refresh_volatility(active_since=since, written_since=since) == 1
    # Results −10 and +30: a deviation of 28.2843 by a mean stake of 10.
    assert PlayerMetrics.objects.get().volatility_score == Decimal("2.8284")


def test_points_are_rounded_once_a_day_however_the_stakes_arrive() -> None:
    make_player("alice", tier="GOLD")
    Tier.objects.filter(tier_level="GOLD").update(benefits={"lp_multiplier": "1.5"})
    GameCategory.objects.filter(code="slots").update(lp_per_unit_staked=Decimal("0.1"))

    for number in range(4):
        record(wager(f"w{number}", "0.02", game_category="slots"))

    # 4 × 0.02 × 0.1 × 1.5 = 0.012, each alone would round to 0.
    assert (day_of().lp_accrued, day_of().lp_due) == (Decimal("0.012"), Decimal("0.01"))


def test_a_day_spread_from_files_does_not_earn_the_reported_stakes_a_second_time() -> None:
    alice = make_measured("alice", profile={"source": "FEED"})
    make_day(alice, ON, wagered="50.00", wagered_accrued="20.00", lp_due="2.00", is_estimated=True)

    record(wager("w1", "10.00"))

    day = day_of()
    assert (day.wagered, day.wagered_accrued, day.lp_due) == (60, 30, 3)


def test_sessions_come_from_bets_more_than_half_an_hour_apart() -> None:
    make_alice()

    record(wager("w1", clock="10:00"), wager("w2", clock="10:30"), wager("w3", clock="11:01"), win("p1", clock="19:00"))

    assert (day_of().sessions, day_of().playtime_hours) == (2, Decimal("0.50"))


def test_a_bet_in_between_joins_two_sessions_to_one() -> None:
    make_alice()
    record(wager("w1", clock="10:00"), wager("w2", clock="10:40"))
    assert day_of().sessions == 2

    record(wager("w3", clock="10:20"))

    assert (day_of().sessions, day_of().playtime_hours) == (1, Decimal("0.67"))
    assert PlayerMetrics.objects.get(player="alice").total_sessions == 1


def test_a_reported_session_stands_for_what_was_inferred_of_its_day() -> None:
    make_alice()
    record(wager("w1", clock="10:00"), wager("w2", clock="15:00"))

    record(session("s1", "09:55", "11:25", ip_address="203.0.113.7", device_id="phone-1"))

    assert (day_of().sessions, day_of().playtime_hours) == (1, Decimal("1.50"))
    kept = Activity.objects.get(kind="SESSION")
    assert (kept.ip_address, kept.device_id) == ("203.0.113.7", "phone-1")


def test_a_session_over_midnight_is_one_session_and_its_time_is_split() -> None:
    make_alice()

    record(event("SESSION", "s1", occurred_at="2026-03-08T23:00:00Z", ended_at="2026-03-09T01:30:00Z"))

    first, second = day_of(on=date(2026, 3, 8)), day_of(on=date(2026, 3, 9))
    assert [(day.sessions, day.playtime_hours) for day in (first, second)] == [(1, 1), (0, Decimal("1.50"))]


def test_the_same_batch_again_changes_nothing() -> None:
    make_alice()
    events = [wager("w1"), win("p1"), session("s1", "10:00", "11:00")]
    record(*events)
    before = [list(model.objects.values()) for model in (PlayerDay, PlayerMetrics, Activity, ActivityKey, Player)]

    again = record(*events)

    assert (again.received, again.stored, again.repeated) == (3, 0, 3)
    assert [
        list(model.objects.values()) for model in (PlayerDay, PlayerMetrics, Activity, ActivityKey, Player)
    ] == before


def test_other_spellings_of_the_same_event_are_the_same_event() -> None:
    make_alice()
    record(wager("w1", "10.00", occurred_at="2026-03-10T12:00:00Z"))

    again = record(wager("w1", Decimal(10), occurred_at="2026-03-10T13:00:00+01:00", bet_id=None), wager("w1", 10))

    assert (again.stored, again.repeated) == (0, 2)


def test_known_and_new_events_of_one_batch_are_told_apart() -> None:
    make_alice()
    record(wager("w1"))

    mixed = record(wager("w1"), wager("w2", "5.00"))

    assert (mixed.stored, mixed.repeated, day_of().wagered) == (1, 1, 15)


def test_another_event_under_a_known_id_refuses_its_batch() -> None:
    make_alice()
    record(wager("w1"))

    with pytest.raises(ActivityRefusedError) as refused:
        record(wager("w2"), wager("w1", "11.00"))

    (problem,) = refused.value.found
    assert (problem.path, problem.external_id) == ("events[1].external_id", "w1")
    assert "used before for another event" in problem.message
    assert (Activity.objects.count(), day_of().wagered) == (1, 10)


def test_an_event_of_a_player_nobody_knows_is_refused_or_makes_the_player() -> None:
    with pytest.raises(ActivityRefusedError, match="whom nobody knows"):
        record(wager("w1", player_id="dora"))
    assert not Player.objects.filter(pk="dora").exists()

    record(wager("w1", player_id="dora"), create_players=True)

    assert Player.objects.get(pk="dora").source == "FEED"
    assert day_of("dora").wagered == 10


def test_events_of_a_player_whose_totals_come_from_files_are_refused_with_the_way_to_switch() -> None:
    make_measured("alice", profile={"source": "FILE"}, total_wagered="500.00")

    with pytest.raises(ActivityRefusedError, match="switch_source --player alice --to FEED"):
        record(wager("w1"))

    record(event("ACTION", "a1", action="KYC_COMPLETE"))
    assert Player.objects.get(pk="alice").kyc_completed_at == datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_play_of_a_restricted_player_and_of_one_removed_is_recorded_all_the_same() -> None:
    make_carol()
    make_player("dora", is_active=False)

    record(wager("w1", player_id="carol"), wager("w2", player_id="dora"))

    assert [day_of(player_id).lp_due for player_id in ("carol", "dora")] == [1, 1]


def test_a_batch_that_breaks_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_alice()

    def break_off(**_: Any) -> int:
        raise RuntimeError("killed")

    monkeypatch.setattr("players.activity.recording.apply_to_days_and_totals", break_off)
    with pytest.raises(RuntimeError, match="killed"):
        record(wager("w1"))
    monkeypatch.undo()

    assert not ActivityKey.objects.exists()
    assert not Activity.objects.exists()
    assert record(wager("w1")).stored == 1


def test_an_event_that_makes_a_sum_too_large_is_named() -> None:
    make_alice()
    make_bob()
    record(wager("w1", "9999999999999990.00"))

    with pytest.raises(ActivityRefusedError) as refusal:
        record(wager("w2", "5.00"), wager("w3", "5.00"), wager("w4", "4.99"), wager("w5", "5.00", player_id="bob"))

    message = "is 5.00: with the 9999999999999995.00 there is already, total_wagered would be more than"
    found = [(problem.path, problem.external_id, problem.message) for problem in refusal.value.found]
    assert found == [("events[1].amount", "w3", f"{message} 9999999999999999.99")]
    assert day_of().wagered == Decimal("9999999999999990.00")


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size() -> None:
    make_alice()
    make_bob()
    record(wager("w0"), session("s0", "09:00", "09:30"))

    with CaptureQueriesContext(connection) as few:
        record(wager("w1", player_id="bob"), session("s1", "10:00", "11:00"))
    with CaptureQueriesContext(connection) as many:
        record(
            *(
                wager(f"m{number}", player_id=("alice", "bob")[number % 2], clock=f"{number % 20:02}:{number % 60:02}")
                for number in range(400)
            ),
            session("s2", "12:00", "13:00"),
        )

    assert len(many) <= len(few) <= 22


def test_large_batches_go_by_copy_and_say_the_same() -> None:
    make_alice()
    made = [wager(f'w{number} "q\\', "1.00", bet_id=f"b\\{number}", clock="10:00") for number in range(501)]

    assert record(*made).stored == 501

    assert (day_of().wagered, day_of().bets, day_of().sessions) == (501, 501, 1)
    assert Activity.objects.filter(external_id='w7 "q\\', bet_id="b\\7").count() == 1
    assert record(*made[:7]).repeated == 7
    assert record(*made, wager("new")).stored == 1


def test_a_void_bet_leaves_the_day_without_it() -> None:
    make_alice()
    record(wager("w1", "10.00", game_category="slots"), wager("w2", "5.00", game_category="roulette", clock="12:10"))

    record(correct("c1", "w1", void=True))

    day = day_of()
    assert (day.wagered, day.bets, day.lp_due) == (5, 1, Decimal("0.50"))
    assert day.games == {"roulette": {"bets": 1, "wagered": "5.00", "won": "0.00"}}
    kept: Any = Activity.objects.get(external_id="c1")
    assert (kept.amount, kept.occurred_at, kept.corrects_external_id) == (-10, AT - timedelta(hours=8), "w1")
    metrics = PlayerMetrics.objects.get(player="alice")
    assert (metrics.games_played, metrics.games_wagered) == ({"roulette": 1}, {"roulette": 5.0})

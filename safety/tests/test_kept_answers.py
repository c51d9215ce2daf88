"""Questions about one reward, answered by plans that the session keeps: the same answers, whatever was changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import run_statement
from core.policies import save_policy
from players.models import GameCategory, Player, PlayerMetrics
from players.tests.factories import ON, make_day
from rewards.tests.factories import make_player
from safety import caps, expected_value
from safety.caps import check_reward_caps
from safety.expected_value import ExpectedValue, Reward, calculate_expected_value
from safety.models import AssumptionVersion, CashGrant, RetentionMultiplier, RewardCap, SegmentBaseline, UnitValue
from safety.profitability import RewardTerms
from safety.tests.factories import set_baseline
from wallet.tests.factories import credit

WAGERED: dict[str, Any] = {"wagering_requirement": Decimal(10), "eligible_games": ("slots", "roulette")}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda *_: ON)


@pytest.fixture
def alice(db: None) -> Player:
    set_baseline("LOSING", "600.00")
    return make_player(games_played={"slots": 60, "roulette": 20, "blackjack": 20})


def ask(amount: str = "20.00", *, player_id: str = "alice", **terms: Any) -> ExpectedValue:
    reward = Reward(amount=Decimal(amount), terms=RewardTerms(**{"reward_type": "BONUS_BALANCE", **WAGERED, **terms}))
    return calculate_expected_value(player_id=player_id, reward=reward, on=ON)


def ask_without_plans(**question: Any) -> ExpectedValue:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expected_value, "plans_of_today", lambda _: nullcontext())
        expected_value._answer_sql.cache_clear()
        return ask(**question)


def room_without_plans() -> Decimal:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caps, "plans_of_today", lambda _: nullcontext())
        return check_reward_caps(player_id="alice", on=ON)


def verbs(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        act()
    return [query["sql"].split()[0] for query in queries]


def test_a_question_is_executed_by_name_once_it_was_asked(alice: Player) -> None:
    ask()
    check_reward_caps(player_id="alice", on=ON)

    # Which plans there are; policies, the fingerprint of all constants, whether cash was granted, and the question.
    assert verbs(ask) == ["SELECT", "EXECUTE", "EXECUTE", "EXECUTE", "EXECUTE"]
    assert verbs(lambda: check_reward_caps(player_id="alice", on=ON)) == ["SELECT", *["EXECUTE"] * 4]


def test_a_question_about_another_day_leaves_no_plan_behind(alice: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    monkeypatch.setattr(timezone, "localdate", lambda *_: ON + timedelta(days=1))

    assert verbs(ask) == ["SELECT"] * 4
    assert verbs(lambda: check_reward_caps(player_id="alice", on=ON)) == ["SELECT"] * 4


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"wagering_requirement": Decimal(0)},
        {"eligible_games": None},
        {"eligible_games": ("blackjack",)},
        {"eligible_games": ("poker",)},
        {"eligible_games": ("no such game",)},
        {"eligible_games": ("slots",), "max_conversion": Decimal("5.00")},
        {"wagering_requirement": Decimal("0.1")},
        {"reward_type": "CASHBACK", "is_cash": True},
        {"reward_type": "LOYALTY_POINTS"},
        {"reward_type": "TICKETS"},
        {"reward_type": "VIP_PERKS"},
    ],
)
def test_one_plan_answers_for_all_terms_and_players(alice: Player, terms: dict[str, Any]) -> None:
    make_player("bob", segment="VIP", tier="GOLD")
    ask()

    assert "PREPARE" not in verbs(lambda: ask("33.33", **terms))
    for player_id in ("alice", "bob"):
        kept = ask("33.33", player_id=player_id, **terms)
        assert kept == ask_without_plans(amount="33.33", player_id=player_id, **terms)


def grant_cash() -> None:
    CashGrant.objects.create(
        player_id="alice",
        granted_on=ON,
        promotional_value=Decimal("5.00"),
        expected_cost=Decimal("5.00"),
        decision_id=1,
        event_key="cash",
        granted_at=datetime(2025, 12, 3, 12, tzinfo=timezone.get_current_timezone()),
    )


def save_cap(**cap: Any) -> None:
    RewardCap.objects.create(**{"window": "DAY", "value": Decimal("7.00"), "segment": "LOSING", **cap})


CHANGES: dict[str, Callable[[], object]] = {
    "policy of caps": lambda: save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="12", saved_by=None),
    "policy of profit": lambda: save_policy(name="PROFIT_HORIZON_DAYS", value="60", saved_by=None),
    "basis of profit": lambda: save_policy(name="PROFIT_BASIS", value="INCREMENTAL", saved_by=None),
    "house edge": lambda: GameCategory.objects.filter(code="slots").update(house_edge_rate=Decimal("0.08")),
    "weight": lambda: GameCategory.objects.filter(code="roulette").update(contribution_weight=Decimal("0.9")),
    "no category": lambda: GameCategory.objects.filter(code="roulette").delete(),
    "unit value": lambda: UnitValue.objects.filter(currency_type="BONUS").update(money_value=Decimal("0.5")),
    "multiplier": lambda: RetentionMultiplier.objects.update(multiplier=Decimal("1.05")),
    "baseline": lambda: SegmentBaseline.objects.update(wager_per_active_day=Decimal("300.00")),
    "cap of a segment": lambda: save_cap(kind="PER_PLAYER"),
    "cap that a segment shares": lambda: save_cap(kind="POOL"),
    "grant": lambda: credit("alice", "5.00", key="gift", currency="BONUS", promotional_value=Decimal(5)),
    "grant of cash": grant_cash,
    "segment": lambda: Player.objects.update(segment="VIP"),
    "play": lambda: PlayerMetrics.objects.update(games_played={"roulette": 1}),
    "days": lambda: (
        PlayerMetrics.objects.update(days_from=ON - timedelta(days=60)),
        make_day(Player.objects.get(), wagered=Decimal(50)),
    ),
}
# What changes the room that caps leave, too.
OF_CAPS = {"policy of caps", "cap of a segment", "grant", "grant of cash"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_kept_plan_obeys_what_was_changed_since(alice: Player, change: str) -> None:
    before, room_before = ask(), check_reward_caps(player_id="alice", on=ON)
    CHANGES[change]()

    after, room_after = ask(), check_reward_caps(player_id="alice", on=ON)

    # A new version is not what must be told apart here.
    assert replace(after, assumptions_version=0) != replace(before, assumptions_version=0)
    assert after == ask_without_plans()
    assert (room_after != room_before) == (change in OF_CAPS)
    assert room_after == room_without_plans()


def test_what_was_changed_back_is_obeyed_too(alice: Player) -> None:
    before = ask()
    for value, expected in (("12", Decimal("12.00")), ("1000", before.cap_room)):
        save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value=value, saved_by=None)
        assert ask().cap_room == expected


def test_a_new_version_of_the_assumptions_is_named(alice: Player) -> None:
    before = ask().assumptions_version
    CHANGES["multiplier"]()

    newest = AssumptionVersion.objects.order_by("-id").values_list("id", flat=True)[0]
    assert ask().assumptions_version == newest > before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE player_metrics ADD COLUMN added_meanwhile integer",
        "ALTER TABLE wallet_lots ALTER COLUMN expected_cost TYPE numeric(20, 2)",
        "CREATE INDEX ON wallet_lots (granted_on, player_id)",
        "ANALYZE players",
        "DEALLOCATE ALL",
    ],
)
def test_a_kept_plan_survives_changed_tables(alice: Player, change: str) -> None:
    before, room = ask(), check_reward_caps(player_id="alice", on=ON)
    run_statement("SET CONSTRAINTS ALL IMMEDIATE", [])
    run_statement(change, [])

    assert (ask(), check_reward_caps(player_id="alice", on=ON)) == (before, room)


def test_who_is_not_known_is_named_as_before(alice: Player) -> None:
    ask()
    check_reward_caps(player_id="alice", on=ON)

    with pytest.raises(NotFoundError, match="no active player 'nobody'"):
        ask(player_id="nobody")
    with pytest.raises(NotFoundError, match="no player 'nobody'"):
        check_reward_caps(player_id="nobody", on=ON)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_each_question_has_one_and_each_session_plans_of_its_own() -> None:
    set_baseline("LOSING", "600.00")
    make_player()
    before = ask()

    assert verbs(ask) == ["BEGIN", "SELECT", *["EXECUTE"] * 4, "COMMIT"]
    connection.close()
    assert ask() == before
    assert not connection.in_atomic_block

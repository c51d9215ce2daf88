"""Control groups measured: who is in which group, what each brings per player, and how sure the difference is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.policies import save_policy
from loyalty.tests import cast
from players.models import Player, PlayerDay
from reporting.control_groups import Arm, experiments, measure_control_groups, uplift_of
from reporting.models import ControlGroupResult
from rewards.holdout import is_held_out
from rewards.models import RewardRule, RewardRuleVersion
from rewards.tests.factories import evaluate, make_player, make_rule
from safety.grants import credit_points
from safety.models import CashGrant
from wallet.points import add_loyalty_points, deduct_balance

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def arm(*values: int) -> Arm:
    """Return a group of players whose figures are given."""
    mean = Decimal(sum(values)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Decimal(0))
    variance = squares / (len(values) - 1) if len(values) > 1 else None
    return Arm(players=len(values), means={"ggr": mean}, variances={"ggr": variance})


def test_the_uplift_is_the_difference_of_means_with_its_interval() -> None:
    # Means 12 and 5; variances 4 and 1; error √(4 ÷ 3 + 1 ÷ 3) = 1.2910; × 1.959964 = 2.53.
    uplift = uplift_of(arm(10, 12, 14), arm(4, 5, 6), measure="ggr")

    assert uplift is not None
    assert (uplift.difference, uplift.low, uplift.high) == (Decimal(7), Decimal("4.47"), Decimal("9.53"))


def test_one_player_alone_says_nothing() -> None:
    assert uplift_of(arm(10, 12), arm(4), measure="ggr") is None


def hold_out(percent: str, *, salt: str = "1") -> None:
    save_policy(name="GLOBAL_HOLDOUT_PERCENT", value=percent, saved_by=None)
    save_policy(name="GLOBAL_HOLDOUT_SALT", value=salt, saved_by=None)


def play(player_id: str, *, wagered: int, won: int, on: date | None = None) -> None:
    PlayerDay.objects.create(player_id=player_id, on=on or TODAY(), wagered=Decimal(wagered), won=Decimal(won))


def split(count: int) -> tuple[list[str], list[str]]:
    """Make players; return those treated and those held out globally."""
    names = [f"P{number:02d}" for number in range(count)]
    for name in names:
        make_player(name)
    held_out = [name for name in names if is_held_out(name)]
    return [name for name in names if name not in held_out], held_out


def measure() -> ControlGroupResult:
    return measure_control_groups(until=TODAY(), at=AT)[0]


def test_the_global_groups_are_all_active_players_told_apart_by_the_draw() -> None:
    hold_out("40")
    treated, held_out = split(20)
    for name in treated:
        play(name, wagered=100, won=80)
    for name in held_out:
        play(name, wagered=50, won=45)
        play(name, wagered=999, won=0, on=TODAY() - timedelta(days=1))
    Player.objects.create(player_id="gone", is_active=False)

    result = measure()

    assert (result.key, result.rule, result.since) == ("GLOBAL 1", None, TODAY())
    assert result.percent == 40
    assert (result.figures["treated"], result.figures["held_out"]) == (len(treated), len(held_out))
    assert len(held_out) >= 2
    assert result.figures["measures"]["wagered"]["treated"] == "100.00"
    assert result.figures["measures"]["ggr"] == {
        "treated": "20.00",
        "held_out": "5.00",
        "difference": "15.00",
        "low": "15.00",
        "high": "15.00",
    }


def test_ngr_takes_off_points_spent_by_value_and_cash() -> None:
    hold_out("40")
    treated, held_out = split(20)
    for name in (*treated, *held_out):
        play(name, wagered=100, won=80)
        add_loyalty_points(player_id=name, amount=500, source="Play", key=f"{name}:lp", actor="tests")
        deduct_balance(player_id=name, currency="LP", amount=300, key=f"{name}:spend", actor="tests")
    for number, name in enumerate(treated):
        CashGrant.objects.create(
            player_id=name,
            granted_on=TODAY(),
            promotional_value=Decimal(4),
            expected_cost=Decimal(4),
            decision_id=number,
            event_key=name,
        )

    ngr = measure().figures["measures"]["ngr"]

    # 20 − 300 × 0.01 = 17; of the treated − 4 in cash.
    assert (ngr["treated"], ngr["held_out"], ngr["difference"]) == ("13.00", "17.00", "-4.00")


def test_the_groups_of_a_rule_are_those_it_matched_whatever_they_were_given() -> None:
    rule = make_rule(holdout_percent=40, conditions={"country": "MT"})
    for number in range(20):
        make_player(f"P{number:02d}", country="MT", bonus_abuse_score=90 if number < 3 else 0)
    make_player("elsewhere", country="DE")
    evaluate(TODAY())
    held_out = [f"P{number:02d}" for number in range(20) if is_held_out(f"P{number:02d}", rule=rule)]

    result = measure()

    assert (result.key, result.rule, result.contaminated) == ("RULE GIFT", rule, None)
    assert (result.figures["treated"], result.figures["held_out"]) == (20 - len(held_out), len(held_out))


def test_players_of_the_global_group_are_in_no_rules_groups() -> None:
    hold_out("40")
    treated, _ = split(20)
    make_rule(holdout_percent=50)
    evaluate(TODAY())

    of_rule = measure_control_groups(until=TODAY(), at=AT)[1].figures

    assert of_rule["treated"] + of_rule["held_out"] == len(treated)


def test_an_experiment_begins_when_its_share_was_last_changed() -> None:
    make_rule(holdout_percent=5)
    make_rule(holdout_percent=10)
    make_rule(holdout_percent=10, priority=3)
    for version in (1, 2, 3):
        saved_at = datetime(2026, 1, version, 12, tzinfo=UTC)
        RewardRuleVersion.objects.filter(version=version).update(saved_at=saved_at)

    assert [(one.key, one.since) for one in experiments(today=TODAY())] == [("RULE GIFT", date(2026, 1, 2))]


def test_drafts_and_rules_without_a_control_group_are_no_experiments() -> None:
    make_rule("DRAFT", holdout_percent=10, status="DRAFT")
    make_rule("EVERYBODY")

    assert experiments(today=TODAY()) == []
    assert measure_control_groups(until=TODAY(), at=AT) == []


def test_measuring_again_replaces_and_another_salt_is_another_experiment() -> None:
    hold_out("40")
    split(4)
    measure()
    measure()
    hold_out("40", salt="summer")
    measure()

    assert sorted(ControlGroupResult.objects.values_list("key", flat=True)) == ["GLOBAL 1", "GLOBAL summer"]


def test_control_players_credited_by_hand_are_counted_once_each() -> None:
    hold_out("100")
    split(2)
    for key in ("one", "two"):
        credit_points(player_id="P00", amount=5, source="Sorry", key=key, actor="ann")

    assert measure().contaminated == 1


# ── pages and commands ──


@pytest.fixture
def users(db: None) -> dict[str, User]:
    return cast.make_users()


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


LIST, MEASURE = "admin:reporting_controlgroupresult_changelist", "admin:reporting_controlgroupresult_measure"


def test_the_page_measures_and_shows_every_experiment(users: dict[str, User]) -> None:
    hold_out("40")
    treated, _ = split(20)
    for name in treated:
        play(name, wagered=100, won=80)
    make_rule(holdout_percent=10)
    client = page_of(users["Analyst"])
    assert "Not measured yet" in client.get(reverse(LIST)).content.decode()

    answer = client.post(reverse(MEASURE), follow=True).content.decode()

    assert "2 experiment(s) measured" in answer
    assert "All rules" in answer
    assert "20.00 to 20.00" in answer
    assert ControlGroupResult.objects.count() == 2


def test_an_ended_experiment_stays_on_the_page(users: dict[str, User]) -> None:
    make_rule(holdout_percent=10)
    measure()
    make_rule(holdout_percent=0)

    page = page_of(users["Analyst"]).get(reverse(LIST)).content.decode()

    assert "No control group is in force" in page
    assert "Ended" in page


def test_who_may_not_measure_may_look(users: dict[str, User]) -> None:
    hold_out("10")
    client = page_of(users["Finance"])

    assert "Measure now" not in client.get(reverse(LIST)).content.decode()
    assert client.post(reverse(MEASURE)).status_code == 403
    assert page_of(users["Analyst"]).get(reverse(MEASURE)).status_code == 405
    assert page_of(users["Integrator"]).get(reverse(LIST)).status_code == 302


def test_the_command_says_what_it_measured(capsys: pytest.CaptureFixture[str]) -> None:
    make_rule(holdout_percent=10)
    make_player()
    RewardRule.objects.get()

    call_command("control_groups", "--to", TODAY().isoformat())

    assert capsys.readouterr().out.startswith("RULE GIFT: 0 treated, 0 held out since ")

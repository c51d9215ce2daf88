"""The pages that ask what a rule would cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from players.models import Player, PlayerDay
from rewards.models import RewardDecision, RuleForecast
from rewards.simulation.forecasts import run_forecast

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(cast.make_users()["Loyalty staff"])
    cast.make_player("dora")
    cast.make_rule(reward_config={"type": "CASHBACK", "formula": "net_loss * 0.03", "max_amount": 500})
    return client


def ask_page() -> str:
    return reverse("admin:rewards_rewardrule_what_would_it_cost", args=["CASHBACK"])


def posted(client: Client, **content: Any) -> str:
    return client.post(ask_page(), content, follow=True).content.decode()


def yesterday() -> str:
    return str(timezone.localdate() - timedelta(days=1))


def test_a_simulation_leads_to_its_figures(staff: Client) -> None:
    page = posted(staff, ask="simulation", **{"simulation-on": str(timezone.localdate())})

    assert "Would be given" in page
    assert "90.00" in page
    assert "dora" in page
    assert not RewardDecision.objects.exists()
    assert "Simulation" in staff.get(ask_page()).content.decode()


def test_a_back_test_shows_its_days_and_what_it_rests_on(staff: Client) -> None:
    PlayerDay.objects.create(player=Player.objects.get(), on=yesterday(), wagered=100)

    page = posted(staff, ask="backtest", **{"backtest-since": yesterday(), "backtest-until": yesterday()})

    assert "Given by day" in page
    assert "Behaviour is assumed unchanged" in page
    assert "policies, tier benefits" in page.lower()


def test_a_period_that_cannot_be_replayed_is_said_at_the_form(staff: Client) -> None:
    page = posted(staff, ask="backtest", **{"backtest-since": "2020-01-01", "backtest-until": "2020-02-01"})

    assert "no daily rows are stored from 2020-01-01 to 2020-02-01" in page
    assert not RuleForecast.objects.exists()


def test_whoever_may_not_change_rules_reads_but_does_not_ask(staff: Client) -> None:
    staff.logout()
    staff.login(username="analyst", password=cast.PASSWORD)

    assert "you may read the answers" in staff.get(ask_page()).content.decode()
    assert staff.post(ask_page(), {"ask": "simulation", "simulation-on": yesterday()}).status_code == 403
    assert staff.post(reverse("admin:rewards_ruleforecast_overlaps")).status_code == 403
    assert not RuleForecast.objects.exists()


def test_the_overlap_map_is_asked_for_and_shown(staff: Client) -> None:
    cast.make_rule("SECOND", reward_config={"type": "BONUS_BALANCE", "amount": 5}, priority=1)
    page = reverse("admin:rewards_ruleforecast_overlaps")
    assert "Nobody has asked for a map yet" in staff.get(page).content.decode()

    staff.post(page)

    shown = staff.get(page).content.decode()
    assert "SECOND" in shown
    assert "95.00" in shown


def test_a_question_without_an_answer_asks_the_page_again(staff: Client) -> None:
    forecast = RuleForecast.objects.create(
        kind="SIMULATION", rule_id="CASHBACK", rule_version=1, on=timezone.localdate()
    )
    page = reverse("admin:rewards_ruleforecast_progress", args=[forecast.pk])
    assert "waits for a worker" in staff.get(page).content.decode()

    run_forecast(forecast.pk)

    assert "Would be given" in staff.get(page).content.decode()


def test_a_question_that_cannot_be_answered_any_more_says_why(staff: Client) -> None:
    forecast = RuleForecast.objects.create(kind="SIMULATION", rule_id="CASHBACK", rule_version=1, on="2020-01-01")

    assert run_forecast(forecast.pk).status == "FAILED"

    page = staff.get(reverse("admin:rewards_ruleforecast_change", args=[forecast.pk])).content.decode()
    assert "2020-01-01 cannot be simulated" in page


def test_an_answered_question_is_not_answered_again(staff: Client) -> None:
    posted(staff, ask="simulation", **{"simulation-on": str(timezone.localdate())})
    before = RuleForecast.objects.values().get()

    run_forecast(before["id"])

    assert RuleForecast.objects.values().get() == before


def test_a_changed_rule_is_warned_of(staff: Client) -> None:
    posted(staff, ask="simulation", **{"simulation-on": str(timezone.localdate())})
    cast.make_rule(priority=99)

    page = staff.get(reverse("admin:rewards_ruleforecast_change", args=[RuleForecast.objects.get().pk]))

    assert "this is version 1, not 2" in page.content.decode()

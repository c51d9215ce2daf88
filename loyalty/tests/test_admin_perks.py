"""The queue of VIP perks in the admin: each step on a page of its own, offered where it leads on."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.tests import cast
from rewards.models import PerkTask
from rewards.tests.factories import evaluate, make_player, make_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def users() -> dict[str, User]:
    return cast.make_users()


@pytest.fixture
def task() -> PerkTask:
    make_player()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1, "perk": "Dinner for two"})
    evaluate()
    return PerkTask.objects.get()


def page(task: PerkTask, name: str) -> str:
    return reverse(f"admin:rewards_perktask_{name}", args=[task.pk])


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_perk_goes_its_way_through_the_pages(users: dict[str, User], task: PerkTask) -> None:
    client = client_of(users["Loyalty staff"])
    assert "Dinner for two" in client.get(reverse("admin:rewards_perktask_changelist")).content.decode()

    assert client.post(page(task, "assign"), {"text": users["Risk"].pk}).status_code == 302
    assert client.post(page(task, "approve"), {"text": ""}).status_code == 302
    shown = client.get(page(task, "change")).content.decode()
    answer = client.post(page(task, "complete"), {"text": "Voucher 17"}, follow=True).content.decode()

    assert page(task, "complete") in shown
    assert page(task, "approve") not in shown
    assert "handed over" in answer
    task.refresh_from_db()
    assert (task.status, task.approved_by, task.closed_by, task.note) == ("DONE", "staff", "staff", "Voucher 17")
    assert task.assigned_to == users["Risk"]


def test_a_step_that_does_not_lead_on_says_why(users: dict[str, User], task: PerkTask) -> None:
    client = client_of(users["Loyalty staff"])

    answer = client.post(page(task, "complete"), {"text": "Voucher 17"})

    assert "only one that is OPEN can be handed over" in answer.content.decode()
    assert PerkTask.objects.get().status == "WAITING_APPROVAL"


def test_a_refusal_needs_its_reason(users: dict[str, User], task: PerkTask) -> None:
    answer = client_of(users["Loyalty staff"]).post(page(task, "refuse"), {"text": ""})

    assert "This field is required" in answer.content.decode()
    assert PerkTask.objects.get().status == "WAITING_APPROVAL"


@pytest.mark.parametrize("step", ["approve", "complete", "refuse", "assign"])
def test_who_may_only_look_takes_no_step(users: dict[str, User], task: PerkTask, step: str) -> None:
    client = client_of(users["Analyst"])

    assert client.get(page(task, "change")).status_code == 200
    assert client.post(page(task, step), {"text": "x"}).status_code == 403
    assert PerkTask.objects.get().status == "WAITING_APPROVAL"

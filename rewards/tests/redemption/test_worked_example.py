"""The worked example of docs/redemption.md, step by step."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from core.environment import PROJECT_FOLDER
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.cancelling import cancel_order
from rewards.tests.redemption.factories import make_option, make_saver, order
from wallet.corrections import CreditSpentError
from wallet.models import Lot, LoyaltyBalance
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT
from wallet.tickets import use_tickets

pytestmark = pytest.mark.django_db

ROW = re.compile(r"^\| (?!step)(.+?) \| (.+) \|$", re.MULTILINE)


def table() -> dict[str, list[str]]:
    """Return the figures of the guide by step."""
    text = (PROJECT_FOLDER / "docs" / "redemption.md").read_text()
    return {step: figures.split(" | ") for step, figures in ROW.findall(text)}


def figures() -> list[str]:
    balance = LoyaltyBalance.objects.get(player_id="alice")
    option = RedemptionOption.objects.get(code="BONUS_10")
    assert option.stock is not None
    points = Lot.objects.filter(currency_type="RP").order_by("id").values_list("remaining", flat=True)
    bonus = [balance.bonus_balance, balance.bonus_wagering_required]
    return [str(figure) for figure in (*points, *bonus, balance.tickets_balance, option.stock - option.ordered)]


def cancel(code: str) -> RedemptionOrder:
    done = RedemptionOrder.objects.get(option__code=code)
    return cancel_order(order_id=done.pk, reason="Mistake", key=f"cancel {code}", actor="staff", at=AT)


def cancel_tickets() -> None:
    with pytest.raises(CreditSpentError, match=r"credited 3\.00 TICKETS, 2\.00 of it remains"):
        cancel("TICKETS_3")


def enter_friday() -> None:
    use_tickets(player_id="alice", tickets=1, event_reference="FRIDAY-POKER", key="use", actor="platform", at=AT)


STEPS: dict[str, Callable[[], object]] = {
    "at first": lambda: None,
    "Alice orders BONUS_10": lambda: order("BONUS_10", key="bonus"),
    "Alice orders TICKETS_3": lambda: order("TICKETS_3", key="tickets"),
    "Alice enters FRIDAY-POKER with one ticket": enter_friday,
    "staff cancel BONUS_10": lambda: cancel("BONUS_10"),
    "staff cancel TICKETS_3: refused, 2 of 3 remain": cancel_tickets,
}


def test_the_guides_example_comes_out_as_it_is_written() -> None:
    make_saver(points="1000.00")
    make_option(stock=2)
    make_option("TICKETS", cost=Decimal(300))
    found = {}

    for step, act in STEPS.items():
        act()
        found[step] = figures()

    assert found == table()
    reconcile()

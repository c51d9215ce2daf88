"""The liability in the admin: the roll-forward of stored days, its file, and who may have it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.roles import ROLES, Role
from loyalty.tests import cast
from reporting.liability_days import write_liability_days
from reporting.models import LiabilityDay
from safety.models import UnitValue
from wallet.tests.factories import AT, ON, credit, make_alice, spend

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NIGHT = datetime(2025, 12, 22, 3, tzinfo=UTC)
LIST, CSV = "reporting_liabilityday_changelist", "reporting_liabilityday_csv"


@pytest.fixture(autouse=True)
def nights() -> None:
    """10.00 LP on 20 December, −4.00 LP on the 21st; one LP is worth 0.02."""
    UnitValue.objects.update_or_create(currency_type="LP", defaults={"money_value": Decimal("0.02")})
    make_alice()
    credit("alice", "10.00", key="a", at=AT - DAY)
    spend("alice", "4.00", key="b")
    for on in (ON - DAY, ON):
        write_liability_days(on=on, at=NIGHT)


def client_of(role: str = "Superuser") -> Client:
    client = Client()
    client.force_login(cast.make_users()[role])
    return client


def page(name: str = LIST, query: str = "") -> str:
    return reverse(f"admin:{name}") + query


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def lp_column(client: Client, query: str = "") -> dict[str, tuple[str, str]]:
    """Return units and money of the LP lines that are not zero."""
    rows = client.get(page(query=query)).context["roll_forward"]["rows"]
    return {row["title"]: (str(units), str(money)) for row in rows for units, money in row["cells"][:1] if units}


def test_without_a_period_the_month_of_the_last_day_is_shown() -> None:
    client = client_of()

    assert lp_column(client) == {
        "Issued": ("10.00", "0.20"),
        "Redeemed": ("-4.00", "-0.08"),
        "Closing": ("6.00", "0.12"),
    }
    assert "2025-12-20 to 2025-12-21" in text(client, page())


def test_what_is_held_at_this_moment_is_shown_whatever_was_written() -> None:
    credit("alice", "0.50", key="later")

    held = {
        str(held.currency): (str(held.amount), str(held.money)) for held in client_of().get(page()).context["held_now"]
    }

    assert held["LP"] == ("6.50", "0.13")


def test_a_period_shows_its_own_opening() -> None:
    assert lp_column(client_of(), "?since=2025-12-21&until=2025-12-21") == {
        "Opening": ("10.00", "0.20"),
        "Redeemed": ("-4.00", "-0.08"),
        "Closing": ("6.00", "0.12"),
    }


def test_a_period_nobody_wrote_says_how_to_read_the_ledger_itself() -> None:
    assert "manage.py liability --from 2024-01-01 --to 2024-01-31" in text(
        client_of(), page(query="?since=2024-01-01&until=2024-01-31")
    )


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("?since=2025-12-22&until=2025-12-21", "The period ends before it begins"),
        ("?since=soon", "Enter a valid date."),
        ("?until=9999-12-31", "A date until 2999-12-31 is needed."),
    ],
)
def test_the_page_says_what_it_cannot_show(query: str, complaint: str) -> None:
    client = client_of()

    assert complaint in text(client, page(query=query))
    assert client.get(page(CSV, query)).headers["Location"] == page()


def test_a_chain_that_does_not_close_is_named_and_no_figures_are_shown() -> None:
    LiabilityDay.objects.filter(on=ON, currency_type="LP").update(opening=Decimal(11), closing=Decimal(7))
    client = client_of()

    assert "closes with 10.00, but 2025-12-21 opens with 11.00, a difference of 1.00" in text(client, page())
    assert "Roll-forward" not in text(client, page())
    assert client.get(page(CSV)).status_code == 302


def test_the_file_has_a_line_per_day_and_currency() -> None:
    response = client_of("Finance").get(page(CSV))

    assert response.streaming
    content = response.getvalue().decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(lines) == 8
    assert {name: lines[5][name] for name in ("from", "to", "currency")} == {
        "from": "2025-12-21",
        "to": "2025-12-21",
        "currency": "LP",
    }
    assert (lines[5]["opening"], lines[5]["redeemed"], lines[5]["closing"]) == ("10.00", "-4.00", "6.00")
    assert (lines[5]["unit_value"], lines[5]["redeemed_money"]) == ("0.020000", "-0.08")


def test_the_page_costs_the_same_queries_for_more_days() -> None:
    client = client_of()
    client.get(page())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(query="?since=2025-12-01&until=2026-01-31"))
        return len(captured)

    few = queries()
    write_liability_days(on=ON + 20 * DAY, at=NIGHT)

    assert queries() == few <= 12


@pytest.mark.parametrize("role", [role for role in ROLES if role.is_staff], ids=lambda role: role.name)
def test_who_may_look_and_who_may_take_it_out_of_the_house(role: Role) -> None:
    client = client_of(role.name)

    assert client.get(page()).status_code == 200
    assert client.get(page(CSV)).status_code == (200 if role.name in {"Analyst", "Finance"} else 403)
    assert ("Download the days" in text(client, page())) is (role.name in {"Analyst", "Finance"})

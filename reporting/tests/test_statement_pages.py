"""A player's statement on the screen, as .csv, on paper and in the API, and who may have it."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.roles import ROLES
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.tests.factories import make_player
from reporting.csv_files import csv_lines
from wallet.tests.factories import AT, credit, make_alice, spend
from wallet.tests.test_reconciliation import corrupt

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ODD_ID = "--di_lib/5F&%--"


@pytest.fixture(autouse=True)
def alice() -> None:
    """10.00 LP on 20 December, −4.00 LP on the 21st, 20.00 RP on the 22nd."""
    make_alice()
    credit("alice", "10.00", key="a", at=AT - DAY, description="=1+1", reference_id="@SUM(A1)")
    spend("alice", "4.00", key="b")
    credit("alice", "20.00", currency="RP", key="c", at=AT + DAY)


def client_of(role: str = "Superuser") -> Client:
    client = Client()
    client.force_login(cast.make_users()[role])
    return client


def page(name: str = "statement", player_id: str = "alice", **query: Any) -> str:
    address = reverse(f"admin:players_player_{name}", args=[quote(player_id)])
    return f"{address}?{'&'.join(f'{key}={value}' for key, value in query.items())}"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response
    return response.content.decode()


def download(client: Client, address: str) -> list[list[str]]:
    response = client.get(address)
    assert response.streaming
    content = response.getvalue().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline="")))


# The screen


def test_the_screen_shows_balances_and_entries_of_the_period() -> None:
    shown = text(client_of(), page(since="2025-12-21", until="2025-12-21"))

    assert "from 2025-12-21 to 2025-12-21" in shown
    assert ">10.00<" in shown
    assert ">-4.00<" in shown
    assert "=1+1" not in shown
    assert "20.00" not in shown


def test_the_screen_goes_back_page_by_page() -> None:
    for number in range(60):
        credit("alice", "1.00", key=f"more:{number}", at=AT + 2 * DAY, description=f"Round {number}.")
    client = client_of()

    first = client.get(page())
    older = client.get(page() + first.context["next_address"])

    assert "Round 59." in first.content.decode()
    assert "Round 9." not in first.content.decode()
    assert "Round 9." in older.content.decode()
    assert "Round 10." not in older.content.decode()
    assert older.context["statement"].next_before is None


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"since": "2025-12-22", "until": "2025-12-21"}, "The period ends before it begins; 2025-12-22 or later"),
        ({"since": "soon"}, "Enter a valid date."),
        ({"since": "0001-01-01"}, "A date from 2000-01-01 on is needed."),
        ({"until": "9999-12-31"}, "A date until 2999-12-31 is needed."),
        ({"currency": "EUR"}, "Select a valid choice."),
    ],
)
def test_the_screen_says_what_it_cannot_show(query: dict[str, str], complaint: str) -> None:
    client = client_of()

    assert complaint in text(client, page(**query))
    for download_page in ("statement_csv", "statement_print"):
        assert client.get(page(download_page, **query)).headers["Location"].startswith(page())


@pytest.mark.parametrize("before", ["0", "-1", "x", "99999999999999999999"])
def test_an_odd_page_number_breaks_nothing(before: str) -> None:
    assert client_of().get(page(before=before)).status_code == 200


def test_a_statement_that_does_not_add_up_is_not_shown_but_its_figures_are() -> None:
    corrupt("UPDATE transactions SET amount = -5, balance_after = 5 WHERE player_id = 'alice' AND number = 2")

    shown = text(client_of(), page(since="2025-12-21"))

    assert "make 5.00, but the closing balance is 6.00" in shown
    assert "Download .csv" not in shown


def test_the_screen_costs_the_same_queries_for_more_entries() -> None:
    client = client_of()
    client.get(page())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(since="2025-12-01"))
        return len(captured)

    few = queries()
    for number in range(40):
        credit("alice", "1.00", key=f"more:{number}")

    assert queries() == few <= 12


def test_a_player_id_with_odd_characters_has_a_statement() -> None:
    make_player(ODD_ID)
    credit(ODD_ID, "1.00", key="odd")
    client = client_of()

    assert ">1.00<" in text(client, page(player_id=ODD_ID))
    assert download(client, page("statement_csv", ODD_ID))[-4][4:7] == ["LP", "", "1.00"]


def test_the_player_page_and_the_ledger_lead_to_the_statement() -> None:
    client = client_of()

    assert page().rstrip("?") in text(client, reverse("admin:players_player_change", args=["alice"]))
    assert f"{page()}before=4" in text(client, reverse("admin:wallet_ledgerentry_changelist"))


@pytest.mark.parametrize("name", ["statement", "statement_csv", "statement_print"])
@pytest.mark.parametrize("player_id", ["dora", "a\x00b"])
def test_an_unknown_player_has_none(name: str, player_id: str) -> None:
    assert client_of().get(page(name, player_id)).status_code == 404


# The file


def test_the_file_has_opening_entries_from_the_oldest_on_and_closing() -> None:
    lines = download(client_of(), page("statement_csv", since="2025-12-21", currency="LP"))

    assert lines == [
        ["line", "number", "time", "type", "currency", "amount", "balance", "description", "reference", "by"],
        ["OPENING", "", "2025-12-21 00:00:00+00:00", "", "LP", "", "10.00", "", "", ""],
        ["ENTRY", "2", "2025-12-21 12:00:00+00:00", "LP_REDEEMED", "LP", "-4.00", "6.00", "", "", "tests"],
        ["CLOSING", "", "", "", "LP", "", "6.00", "", "", ""],
    ]


def test_the_file_holds_every_entry_whatever_page_was_shown() -> None:
    for number in range(60):
        credit("alice", "1.00", key=f"more:{number}")

    lines = download(client_of(), page("statement_csv", before="5"))

    assert [int(line[1]) for line in lines if line[0] == "ENTRY"] == list(range(1, 64))


def test_texts_are_no_formulas_and_amounts_stay_numbers() -> None:
    entry = next(line for line in download(client_of(), page("statement_csv")) if line[0] == "ENTRY")

    assert entry[7:9] == ["'=1+1", "'@SUM(A1)"]
    assert entry[5] == "10.00"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", "=cmd|' /C calc'!A0"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    (written,) = csv.reader(io.StringIO("".join(csv_lines([[cell]])), newline=""))

    assert written == [f"'{cell}"]


# The page for paper


def test_the_printed_page_carries_operator_period_and_all_entries() -> None:
    for number in range(60):
        credit("alice", "1.00", key=f"more:{number}", description=f"Round {number}.")

    shown = text(client_of(), page("statement_print", since="2025-12-20", until="2025-12-31"))

    assert "Loyalty &amp; rewards" in shown
    assert "20 December 2025 to 31 December 2025" in shown
    assert all(f"Round {number}." in shown for number in range(60))
    assert "size: A4" in shown


def test_a_period_too_long_for_paper_is_refused_with_what_would_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.admin.statements.PRINTED_ENTRIES_MAX", 2)
    client = client_of()

    response = client.get(page("statement_print"), follow=True)

    assert "more than 2 entries: print a shorter one, or take the .csv." in response.content.decode()
    assert client.get(page("statement_print", since="2025-12-21")).status_code == 200


# Who may


@pytest.mark.parametrize("role", [role for role in ROLES if role.is_staff], ids=lambda role: role.name)
def test_who_may_look_and_who_may_take_it_out_of_the_house(role: Any) -> None:
    client = client_of(role.name)

    found = [client.get(page(name)).status_code for name in ("statement", "statement_csv", "statement_print")]

    looks = 200 if role.name in {"Loyalty staff", "Analyst", "Risk", "Finance"} else 403
    exports = 200 if role.name in {"Analyst", "Finance"} else 403
    assert found == [looks, exports, exports]


def test_who_may_not_export_is_offered_no_button() -> None:
    assert "Download .csv" not in text(client_of("Loyalty staff"), page())


def test_a_stranger_is_sent_to_log_in() -> None:
    assert {Client().get(page(name)).status_code for name in ("statement", "statement_csv", "statement_print")} == {302}


def test_taking_a_statement_out_of_the_house_is_recorded() -> None:
    client = client_of("Finance")
    client.get(page(since="2025-12-21"))
    client.get(page("statement_csv", since="2025-12-21"))
    client.get(page("statement_print"))

    kept = LogEntry.objects.order_by("pk").values_list("user__username", "object_id", "change_message")
    assert list(kept) == [
        ("finance", "alice", "Statement exported as .csv: since=2025-12-21"),
        ("finance", "alice", "Statement printed: everything"),
    ]


# The API


def api() -> ApiUser:
    return ApiUser(cast.make_users()["Finance"])


def test_the_api_states_a_period() -> None:
    status, body = api().get("/api/players/alice/statement?since=2025-12-21T00:00:00Z&until=2025-12-22T00:00:00Z")

    assert status == 200
    assert body["balances"][0] == {
        "currency": "LP",
        "opening": "10.00",
        "total_in": "0.00",
        "total_out": "-4.00",
        "closing": "6.00",
    }
    assert [(entry["number"], entry["amount"], entry["balance_after"]) for entry in body["entries"]] == [
        (2, "-4.00", "6.00")
    ]
    assert (body["since"], body["next_before"], body["next"]) == ("2025-12-21T00:00:00Z", None, None)


def test_the_api_leads_from_page_to_page() -> None:
    user = api()
    numbers, address = [], "/api/players/alice/statement?page_size=2&since=2025-12-01T00:00:00%2B01:00"
    while address:
        status, body = user.get(address)
        assert status == 200
        numbers.append([entry["number"] for entry in body["entries"]])
        parts = urlsplit(body["next"] or "")
        assert body["next"] is None or parse_qs(parts.query)["before"] == [str(body["next_before"])]
        address = f"{parts.path}?{parts.query}" if body["next"] else ""

    assert numbers == [[3, 2], [1]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=2025-12-22T00:00:00Z&until=2025-12-21T00:00:00Z", "until"),
        ("currency=EUR", "currency"),
        ("before=0", "before"),
        ("before=9999999999999999", "before"),
        ("page_size=501", "page_size"),
        ("befor=4", "befor"),
    ],
)
def test_the_api_refuses_what_it_cannot_read_by_name(query: str, field: str) -> None:
    answer = api().get(f"/api/players/alice/statement?{query}")

    assert answer[0] in {400, 422}
    assert error_of(answer)["details"][0]["field"] == field


def test_the_api_knows_no_statement_of_an_unknown_player() -> None:
    assert error_of(api().get("/api/players/dora/statement"))["code"] == "not_found"


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_period_at_the_ends_of_time_breaks_nothing(edge: str) -> None:
    user = api()
    assert user.get(f"/api/players/alice/statement?since={edge}")[0] == 200
    assert user.get(f"/api/players/alice/statement?until={edge}")[0] == 200

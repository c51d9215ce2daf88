"""The admin in a real browser: what people do there all day, without errors on the console or barriers on the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from core.models import Run, RunKind
from loyalty.tests import cast
from players.models import ImportJob
from reporting.summaries import write_daily_summary
from wallet.models import Lot, LoyaltyBalance, Operation

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS_MAX = 30_000
BAD = "player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\nP002,abc,900,800\n"
GOOD = "player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        message = f"no browser: none of {', '.join(PROGRAMS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, in which Django would refuse to reach its database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(autouse=True)
def own_storage(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.background.has_worker", lambda: False)
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Return a page that fails the test at its end for anything the browser complained about."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS_MAX)
    expect.set_options(timeout=MILLISECONDS_MAX)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def hear_failure(request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a download ends its navigation so
            complaints.append(f"failed: {request.url} {request.failure}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("requestfailed", hear_failure)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def office(page: Page, live_server: LiveServer) -> Page:
    """Return the page of somebody of the loyalty staff."""
    return logged_in(page, live_server, role="Loyalty staff")


@pytest.fixture
def finance(page: Page, live_server: LiveServer) -> Page:
    """Return the page of somebody of finance."""
    return logged_in(page, live_server, role="Finance")


def logged_in(page: Page, live_server: LiveServer, *, role: str) -> Page:
    """Give the browser the cookie that the form to log in would give it."""
    client = Client()
    client.force_login(cast.make_users()[role])
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    return page


def make_figures() -> None:
    cast.make_alice()
    cast.make_bob()
    cast.make_carol()
    cast.make_rule()
    write_daily_summary(run=Run.objects.create(kind=RunKind.NIGHT, business_date=cast.ON, status="SUCCEEDED"))


def write(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.write_text(content)
    return file


def test_one_logs_in_through_the_form_and_sees_the_dashboard(page: Page) -> None:
    cast.make_users()
    page.goto("/admin/")
    page.locator("#id_username").fill("staff")
    page.locator("#id_password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Log in").click()

    expect(page).to_have_title("Dashboard | Loyalty")


def test_the_dashboard_shows_the_nights_figures(office: Page) -> None:
    make_figures()

    office.goto("/admin/")

    expect(office.get_by_text("Figures of business date 2026-03-10")).to_be_visible()
    expect(office.get_by_role("heading", name="Players by segment")).to_be_visible()


def test_a_spreadsheet_with_errors_is_uploaded_and_its_errors_are_read(office: Page, tmp_path: Path) -> None:
    office.goto("/admin/players/importjob/")
    office.get_by_role("link", name="Upload a spreadsheet").click()
    office.locator("input[type=file]").set_input_files(write(tmp_path, "players.csv", BAD))
    office.get_by_role("button", name="Upload and import").click()

    row = office.get_by_role("row").filter(has_text="total_deposited")
    expect(office.get_by_role("status").filter(has_text="Refused")).to_be_visible()
    expect(row).to_contain_text("abc")
    with office.expect_download() as download:
        office.get_by_role("link", name="Download the rejected rows").click()
    assert "P002" in Path(download.value.path()).read_text()


def test_a_good_spreadsheet_shows_the_totals_it_set(office: Page, tmp_path: Path) -> None:
    office.goto("/admin/players/importjob/upload/")
    office.locator("input[type=file]").set_input_files(write(tmp_path, "players.csv", GOOD))
    office.get_by_role("button", name="Upload and import").click()

    expect(office.get_by_role("status").filter(has_text="Imported")).to_be_visible()
    expect(office.get_by_role("row").filter(has_text="P001")).to_contain_text("15,000.00")


def test_a_waiting_import_shows_its_end_without_a_reload(office: Page) -> None:
    job = ImportJob.objects.create(file_name="players.csv", business_date=cast.ON, status="RUNNING", phase="reading")
    office.goto(f"/admin/players/importjob/{job.pk}/change/")
    expect(office.get_by_role("status").filter(has_text="reading")).to_be_visible()
    office.evaluate("window.isTheSamePage = true")

    ImportJob.objects.filter(pk=job.pk).update(status="SUCCEEDED", phase="", progress_percent=100)

    expect(office.get_by_role("status").filter(has_text="Imported")).to_be_visible()
    assert office.evaluate("window.isTheSamePage") is True


def test_a_players_page_opens_tab_by_tab(office: Page) -> None:
    cast.make_alice()
    office.goto("/admin/players/player/alice/change/")
    expect(office.get_by_role("heading", name="Lifetime totals")).to_be_visible()

    for tab, text in (("Ledger", "Welcome"), ("Safety", "No restriction"), ("Profile", "Programme")):
        office.get_by_role("tab", name=tab).click()
        expect(office.get_by_text(text).first).to_be_visible()
        expect(office.get_by_role("heading", name="Lifetime totals")).to_be_hidden()


def test_a_players_profile_is_saved_from_its_tab(office: Page) -> None:
    cast.make_alice()
    office.goto("/admin/players/player/alice/change/#general")

    office.get_by_label("Name").fill("Alice Silva")
    office.get_by_role("button", name="Save", exact=True).click()

    expect(office.get_by_role("link", name="Alice Silva")).to_be_visible()


def test_json_is_judged_while_one_types(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")
    editor = office.get_by_label("Conditions")

    editor.fill('{"segment": ')
    expect(office.get_by_text("Not JSON yet").first).to_be_visible()
    editor.fill('{"segment":"VIP"}')
    office.get_by_role("button", name="Indent").first.click()

    assert editor.input_value() == '{\n  "segment": "VIP"\n}'


def test_problems_of_a_rule_are_marked_at_their_lines_while_one_types(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")
    editor = office.get_by_label("Conditions")

    editor.fill('{\n  "segment": "LOSING",\n  "any": [{"net_lost_min": 5}, {"age": {"mim": 3}}]\n}')

    expect(office.get_by_text("2 problems")).to_be_visible()
    expect(
        office.get_by_text("any[0].net_lost_min: unknown field 'net_lost_min' (did you mean 'net_loss'?)")
    ).to_be_visible()
    expect(office.locator(".house-json-marked")).to_have_text("3")
    office.get_by_role("button", name="Line 3").first.click()
    assert editor.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == '"net_lost_min"'


def test_a_reward_is_judged_by_the_jurisdictions_chosen_beside_it(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")
    office.get_by_label("Reward").fill(
        '{"type": "BONUS_BALANCE", "amount": 5, "wagering_requirement": 15, "eligible_games": ["slots"]}'
    )
    expect(office.get_by_text("Nothing to object to").nth(1)).to_be_visible()

    office.locator("[name=jurisdictions]").select_option("GB")

    expect(office.get_by_text("a turnover of 15 × the bonus is required").first).to_be_visible()


def test_names_comparisons_and_values_are_offered_with_their_meaning(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")
    editor = office.get_by_label("Conditions")
    offers = office.get_by_role("listbox", name="Suggestions")

    editor.fill("")
    editor.press_sequentially('{"net_loss_7')
    expect(offers.get_by_role("option").first).to_contain_text("What the player lost: wagered − won, never below 0.")
    editor.press("Enter")
    editor.press_sequentially('{"')
    expect(offers.get_by_role("option")).to_have_count(8)
    editor.press("ArrowDown")
    editor.press("Tab")
    editor.press_sequentially('50}, "segment": "l')
    editor.press("Enter")
    editor.press_sequentially("}")

    assert editor.input_value() == '{"net_loss_7d": {"max": 50}, "segment": "LOSING"}'
    expect(office.get_by_text("Nothing to object to").first).to_be_visible()


def test_words_of_a_formula_are_offered_and_the_page_is_without_barriers(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")
    editor = office.get_by_label("Reward")

    editor.fill("")
    editor.press_sequentially('{"type": "CASHBACK", "formula": "2 * cashback_m')
    expect(office.get_by_role("listbox", name="Suggestions").get_by_role("option")).to_have_count(1)
    assert serious_barriers(office) == {}
    editor.press("Enter")
    editor.press_sequentially('", "max_amount": 5}')

    assert editor.input_value() == '{"type": "CASHBACK", "formula": "2 * cashback_multiplier", "max_amount": 5}'


def test_a_rules_problem_is_shown_at_its_field(office: Page) -> None:
    cast.make_rule()
    office.goto("/admin/rewards/rewardrule/CASHBACK/change/")

    office.get_by_label("Conditions").fill('{"segmnt": "VIP"}')
    office.get_by_role("button", name="Save", exact=True).click()

    expect(office.get_by_text("did you mean 'segment'?")).to_be_visible()


def test_a_bonus_is_cancelled_from_its_page(office: Page) -> None:
    cast.make_bob()
    office.goto(f"/admin/wallet/lot/{Lot.objects.get().pk}/change/")
    office.get_by_role("link", name="Cancel the bonus").click()
    expect(office.get_by_text("leaves the bonus balance of bob")).to_be_visible()
    assert serious_barriers(office) == {}

    office.get_by_label("Reason").fill("Given by mistake")
    office.get_by_role("button", name="Cancel the bonus").click()

    expect(office.get_by_text("of bob was cancelled")).to_be_visible()
    expect(office.get_by_text("Given by mistake").first).to_be_visible()
    assert serious_barriers(office) == {}


def test_an_operation_is_reversed_after_a_look_at_what_that_does(finance: Page) -> None:
    cast.make_alice()
    finance.goto(f"/admin/wallet/operation/{Operation.objects.get().pk}/change/")
    finance.get_by_role("link", name="Reverse or take back").click()
    expect(finance.get_by_role("region", name="Reversing it").get_by_text("-100.00")).to_be_visible()
    assert serious_barriers(finance) == {}

    finance.get_by_label("Reason").fill("Wrong player")
    finance.get_by_role("button", name="Reverse", exact=True).click()

    expect(finance.get_by_text("was reversed.")).to_be_visible()


def test_a_balance_is_adjusted_from_its_page(finance: Page) -> None:
    cast.make_alice()
    finance.goto(f"/admin/wallet/loyaltybalance/{LoyaltyBalance.objects.get().pk}/change/")
    finance.get_by_role("link", name="Adjust").click()
    assert serious_barriers(finance) == {}

    finance.get_by_label("Amount").fill("-12.50")
    finance.get_by_label("Reason").fill("Migration")
    finance.get_by_role("button", name="Adjust the balance").click()

    expect(finance.get_by_text("LP adjusted: 100.00 before, 87.50 after.")).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/players/player/",
        "/admin/players/player/alice/change/",
        "/admin/players/importjob/",
        "/admin/players/importjob/upload/",
        "/admin/players/activityfile/upload/",
        "/admin/rewards/rewardrule/",
        "/admin/rewards/rewardrule/CASHBACK/change/",
        "/admin/rewards/rewardrule/CASHBACK/test/?player_id=alice&on=2026-03-10",
        "/admin/core/policyvalue/",
        "/admin/core/policyvalue/BREAKEVEN_RATE/change/",
        "/admin/core/policyvalue/FORFEIT_5FBONUS_5FON_5FWITHDRAWAL/change/",
        "/admin/wallet/ledgerentry/",
        "/admin/wallet/bet/",
        "/admin/players/tier/",
    ],
)
def test_a_page_has_no_serious_barrier(office: Page, path: str) -> None:
    make_figures()

    office.goto(path)

    assert serious_barriers(office) == {}


def serious_barriers(page: Page) -> dict[str, list[str]]:
    """Return what on the page keeps people out who see or point otherwise."""
    page.wait_for_load_state("networkidle")
    return {
        violation["id"]: [node["html"][:160] for node in violation["nodes"][:4]]
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    }

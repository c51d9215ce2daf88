"""When points expire: the table of docs/points.md, on every path that credits points."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import override_settings

from core.environment import PROJECT_FOLDER
from core.errors import InvalidInputError
from core.policies import POLICIES, save_policy
from players.tests.factories import make_day
from wallet.models import LedgerEntry, Lot
from wallet.play import post_points_from_play
from wallet.points import add_loyalty_points, add_reward_points, add_tickets
from wallet.points_expiry import active_since, points_expire_at
from wallet.tests.factories import AT, LATER, ON, balances, make_alice

pytestmark = pytest.mark.django_db


def documented() -> list[tuple[str, ...]]:
    """Return the rows of the table in docs/points.md."""
    text = (PROJECT_FOLDER / "docs" / "points.md").read_text()
    table = text.partition("| policy | months | date | zone | earned on |")[2].partition("\n\n")[0]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.splitlines()[2:]]


def save(prefix: str, **values: str) -> None:
    for name, value in values.items():
        save_policy(name=f"{prefix}_{name}", value=value, saved_by=None)


def instant(text: str) -> datetime | None:
    return None if text == "never" else datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def test_the_documented_table_is_read() -> None:
    assert len(documented()) == 17
    assert all(len(row) == 6 for row in documented())


@pytest.mark.parametrize("prefix", ["LP", "RP"])
@pytest.mark.parametrize(("kind", "months", "day", "zone", "earned_on", "expires_at"), documented())
def test_points_expire_as_the_table_says(
    prefix: str, kind: str, months: str, day: str, zone: str, earned_on: str, expires_at: str
) -> None:
    save(prefix, EXPIRY=kind, EXPIRY_MONTHS=months, EXPIRY_DATE=day)

    with override_settings(TIME_ZONE=zone):
        found = points_expire_at(currency=prefix, earned_on=date.fromisoformat(earned_on))

    assert found == instant(expires_at)


@pytest.mark.parametrize(("kind", "months", "day", "zone", "earned_on", "expires_at"), documented())
def test_points_from_play_expire_as_the_table_says(
    kind: str, months: str, day: str, zone: str, earned_on: str, expires_at: str
) -> None:
    save("LP", EXPIRY=kind, EXPIRY_MONTHS=months, EXPIRY_DATE=day)
    make_day(make_alice(), date.fromisoformat(earned_on), lp_due="5.00")

    post_points_from_play(at=AT, business_zone=zone)

    assert Lot.objects.get().expires_at == instant(expires_at)


def test_without_any_policy_points_never_expire() -> None:
    assert points_expire_at(currency="LP", earned_on=ON) is None
    assert points_expire_at(currency="RP", earned_on=ON) is None


def test_a_number_of_months_saved_alone_holds() -> None:
    save("LP", EXPIRY_MONTHS="1")

    assert points_expire_at(currency="LP", earned_on=ON) == datetime(2026, 2, 1, tzinfo=UTC)


def test_each_currency_has_policies_of_its_own() -> None:
    save("LP", EXPIRY_MONTHS="1")

    assert points_expire_at(currency="RP", earned_on=ON) is None
    assert points_expire_at(currency="TICKETS", earned_on=ON) is None


@pytest.mark.parametrize("day", ["02-29", "02-30", "13-01", "00-10", "4-1", "04-31", "2026-04-01", "12-31\n1"])
def test_a_day_that_some_year_lacks_is_no_expiry_date(day: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        save("LP", EXPIRY_DATE=day)

    assert "a day that every year has, as MM-DD, is needed, for example 12-31" in caught.value.message


def test_every_day_that_every_year_has_is_one() -> None:
    parse = POLICIES["LP_EXPIRY_DATE"].parse

    days = [date.fromordinal(date(2026, 1, 1).toordinal() + number) for number in range(365)]
    assert [parse(f"{day:%m-%d}") for day in days] == [f"{day:%m-%d}" for day in days]


def test_an_unknown_way_of_expiring_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="one of NEVER, MONTHS, FIXED_DATE, INACTIVITY is needed"):
        save("LP", EXPIRY="SOMETIMES")


@pytest.mark.parametrize(
    ("add", "currency", "entry_type"),
    [
        (add_loyalty_points, "LP", "LP_EARNED"),
        (add_reward_points, "RP", "REWARD"),
        (add_tickets, "TICKETS", "REWARD"),
    ],
)
def test_each_currency_is_credited_and_expires_by_its_policy(add: Any, currency: str, entry_type: str) -> None:
    make_alice()
    save("LP", EXPIRY_MONTHS="1")
    save("RP", EXPIRY="FIXED_DATE", EXPIRY_DATE="12-24")

    add(player_id="alice", amount="3", source="Welcome", key="k", actor="anna", on=ON, at=AT)

    expected = {"LP": datetime(2026, 2, 1, tzinfo=UTC), "RP": datetime(2025, 12, 25, tzinfo=UTC)}.get(currency)
    lot, entry = Lot.objects.get(), LedgerEntry.objects.get()
    assert (lot.currency_type, lot.expires_at, lot.granted_on) == (currency, expected, ON)
    assert (entry.transaction_type, entry.description, entry.actor) == (entry_type, "Welcome", "anna")
    assert balances("alice")[currency] in {"3", "3.00"}


def test_a_time_given_with_a_credit_wins_over_the_policy() -> None:
    make_alice()
    save("LP", EXPIRY_MONTHS="12")

    add_loyalty_points(player_id="alice", amount=1, source="x", key="k", actor="a", at=AT, expires_at=LATER)
    add_tickets(player_id="alice", amount=1, source="x", key="t", actor="a", at=AT, expires_at=LATER)

    assert set(Lot.objects.values_list("expires_at", flat=True)) == {LATER}


def test_a_retry_after_the_policy_changed_is_a_replay_and_keeps_the_first_time() -> None:
    make_alice()
    asked: dict[str, Any] = {"player_id": "alice", "amount": 1, "source": "x", "key": "k", "actor": "a", "at": AT}
    add_reward_points(**asked)
    save("RP", EXPIRY_MONTHS="1")

    assert add_reward_points(**asked).outcome == "REPLAYED"
    assert Lot.objects.get().expires_at is None


@pytest.mark.parametrize("amount", ["1.5", "0", "-1", "NaN", "many"])
def test_tickets_are_whole_and_more_than_none(amount: str) -> None:
    make_alice()

    with pytest.raises(InvalidInputError):
        add_tickets(player_id="alice", amount=amount, source="x", key="k", actor="a")

    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    ("now", "months", "zone", "since"),
    [
        # Active on 3 January and one month: kept on 3 February, gone on the 4th.
        ("2026-02-03 23:59", "1", "UTC", "2026-01-03 00:00"),
        ("2026-02-04 00:00", "1", "UTC", "2026-01-04 00:00"),
        # 31 January and one month end on 28 February; on 1 March only February counts.
        ("2026-02-28 12:00", "1", "UTC", "2026-01-28 00:00"),
        ("2026-03-01 00:00", "1", "UTC", "2026-02-01 00:00"),
        # There is no 31 February: who was active on the 28th lost it with 28 March.
        ("2026-03-31 00:00", "1", "UTC", "2026-03-01 00:00"),
        ("2028-03-31 00:00", "1", "UTC", "2028-03-01 00:00"),
        ("2026-12-21 12:00", "12", "UTC", "2025-12-21 00:00"),
        ("2028-02-29 12:00", "12", "UTC", "2027-03-01 00:00"),
        # The 21st begins in Malta an hour before it does in UTC.
        ("2026-12-20 23:30", "12", "Europe/Malta", "2025-12-20 23:00"),
        ("2026-12-21 04:59", "12", "America/Bogota", "2025-12-20 05:00"),
    ],
)
def test_activity_counts_from_a_business_date_on(now: str, months: str, zone: str, since: str) -> None:
    save("LP", EXPIRY="INACTIVITY", INACTIVITY_MONTHS=months)
    at = datetime.strptime(now, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)

    with override_settings(TIME_ZONE=zone):
        assert active_since(currency="LP", at=at) == instant(since)


@pytest.mark.parametrize("kind", ["NEVER", "MONTHS", "FIXED_DATE"])
def test_other_ways_of_expiring_ask_nothing_of_activity(kind: str) -> None:
    save("LP", EXPIRY=kind)

    assert active_since(currency="LP", at=AT) is None

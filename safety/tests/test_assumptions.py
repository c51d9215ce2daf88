"""What is assumed is kept in versions: with a date, a name and a reason, and never changed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.errors import InvalidInputError
from core.expressions import run_statement
from players.models import GameCategory
from safety.assumption_files import export_assumptions, import_assumptions
from safety.assumption_versions import Assumption, assumptions_of, assumptions_version, take_up_assumptions
from safety.assumptions import change_assumption
from safety.models import AssumptionKind, AssumptionVersion, RetentionMultiplier, UnitValue
from safety.profitability import get_house_edge

pytestmark = pytest.mark.django_db
TODAY = date(2025, 12, 21)
LOSING_BONUS = Assumption(kind=AssumptionKind.RETENTION, name="LOSING", reward_family="BONUS")
SLOTS = Assumption(kind=AssumptionKind.HOUSE_EDGE, name="slots")


def multiplier() -> Decimal:
    return RetentionMultiplier.objects.get(segment="LOSING", reward_family="BONUS").multiplier


def change(assumption: Assumption, value: str, *, valid_from: date = TODAY) -> AssumptionVersion:
    return change_assumption(
        assumption, value=Decimal(value), reason="measured", made_by=None, valid_from=valid_from, today=TODAY
    )


def test_every_figure_of_the_beginning_has_its_version() -> None:
    known = assumptions_of(version=assumptions_version(), on=TODAY)

    assert known[LOSING_BONUS] == Decimal("1.8")
    assert known[SLOTS] == Decimal("0.05")
    assert known[Assumption(kind=AssumptionKind.UNIT_VALUE, name="LP")] == Decimal("0.01")


def test_a_change_is_a_new_version_that_says_who_and_why_and_the_old_one_stays() -> None:
    before = assumptions_version()
    risk = User.objects.create(username="risk")

    saved = change_assumption(
        LOSING_BONUS, value=Decimal("1.4"), reason="the spring test", made_by=risk, valid_from=TODAY, today=TODAY
    )

    assert (saved.made_by, saved.reason, multiplier()) == ("risk", "the spring test", Decimal("1.4"))
    assert AssumptionVersion.objects.filter(pk__gt=before).count() == 1
    # A decision that names the version before is still explained by the figure of then.
    assert assumptions_of(version=before, on=TODAY)[LOSING_BONUS] == Decimal("1.8")


def test_a_figure_of_a_later_day_holds_from_that_day_on() -> None:
    change(SLOTS, "0.04", valid_from=TODAY + timedelta(days=3))

    assert take_up_assumptions(today=TODAY + timedelta(days=2)) == 0
    assert get_house_edge("slots") == Decimal("0.05")
    assert take_up_assumptions(today=TODAY + timedelta(days=3)) == 1
    assert get_house_edge("slots") == Decimal("0.04")


def test_saving_the_rest_of_a_row_does_not_undo_what_is_due() -> None:
    change(SLOTS, "0.04", valid_from=TODAY + timedelta(days=3))
    GameCategory.objects.get(code="slots").save()

    take_up_assumptions(today=TODAY + timedelta(days=3))

    assert get_house_edge("slots") == Decimal("0.04")


def test_a_figure_written_past_the_service_gets_its_version_all_the_same() -> None:
    UnitValue.objects.filter(currency_type="RP").update(money_value=Decimal("0.02"))

    newest = AssumptionVersion.objects.first()
    assert newest is not None
    assert (newest.kind, newest.name, newest.value) == ("UNIT_VALUE", "RP", Decimal("0.02"))
    assert newest.reason == "written without a reason"


@pytest.mark.parametrize("statement", ["UPDATE safety_assumptions SET value = 9", "DELETE FROM safety_assumptions"])
def test_no_version_is_ever_changed(statement: str) -> None:
    with pytest.raises(IntegrityError, match="a change is a new version"), transaction.atomic():
        run_statement(statement, [])


@pytest.mark.parametrize(
    ("assumption", "value", "valid_from", "said"),
    [
        (LOSING_BONUS, "-1", TODAY, "value is -1"),
        (LOSING_BONUS, "1.234", TODAY, "at most 2 decimals"),
        (SLOTS, "1.5", TODAY, "from 0 to 1"),
        (LOSING_BONUS, "1.5", TODAY - timedelta(days=1), "or later is needed"),
        (Assumption(kind=AssumptionKind.RETENTION, name="WHALE", reward_family="BONUS"), "1", TODAY, "one of NEW"),
        (Assumption(kind=AssumptionKind.RETENTION, name="NEW"), "1", TODAY, "reward_family is ''"),
    ],
)
def test_what_can_be_no_figure_is_refused_and_nothing_changed(
    assumption: Assumption, value: str, valid_from: date, said: str
) -> None:
    before = assumptions_version()

    with pytest.raises(InvalidInputError, match=said):
        change(assumption, value, valid_from=valid_from)

    assert assumptions_version() == before


def test_figures_go_out_as_a_file_and_come_back_changed() -> None:
    text = export_assumptions()
    assert "RETENTION,LOSING,BONUS,1.8\n" in text

    assert import_assumptions(text, reason="again", made_by=None) == 0
    changed = text.replace("RETENTION,LOSING,BONUS,1.8", "RETENTION,LOSING,BONUS,1.7")
    assert import_assumptions(changed, reason="the new season", made_by=None) == 1
    assert multiplier() == Decimal("1.7")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind,name\n", "line 1 is 'kind,name'"),
        ("kind,name,reward_family,value\nHOUSE_EDGE,slots,,much\n", "line 2, column value is 'much'"),
        ("kind,name,reward_family,value\nLUCK,slots,,1\n", "line 2, column kind is 'LUCK'"),
        (
            "kind,name,reward_family,value\nRETENTION,NEW,LP,1.1\nHOUSE_EDGE,bingo,,0.1\n",
            "line 3: there is no game category 'bingo'",
        ),
        (
            "kind,name,reward_family,value\nRETENTION,NEW,LP,1.1\nRETENTION,NEW,LP,1.2\n",
            "line 3 says NEW again, which line 2 does",
        ),
    ],
)
def test_one_wrong_line_refuses_the_whole_file(text: str, said: str) -> None:
    before = assumptions_version()

    with pytest.raises(InvalidInputError, match=said):
        import_assumptions(text, reason="the new season", made_by=None)

    assert assumptions_version() == before

"""Constants: kept while they stay the same, and never a moment longer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import constants
from core.constants import constant, constants_read_once
from core.expressions import fetch_rows, run_statement

pytestmark = pytest.mark.django_db


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, int]]:
    """Return a reader of a table of its own, the only one that is declared."""
    run_statement("CREATE TEMPORARY TABLE rates (code text, rate integer)", [])
    run_statement("INSERT INTO rates VALUES ('slots', 4)", [])
    monkeypatch.setattr(constants, "_READERS", {})
    monkeypatch.setattr(constants, "_SOURCES", {})
    monkeypatch.setattr(constants, "_KEPT", type(constants._KEPT)())

    @constant("rates")
    def read_rates() -> dict[str, int]:
        return dict(fetch_rows("SELECT code, rate FROM rates", []))

    return read_rates


def change(rate: int) -> None:
    run_statement("UPDATE rates SET rate = %s", [rate])


def read(rates: Callable[[], dict[str, int]]) -> dict[str, int]:
    with constants_read_once():
        return rates()


def test_what_was_changed_before_the_block_is_obeyed_by_it(rates: Any) -> None:
    before = read(rates)
    change(5)

    assert (before, read(rates)) == ({"slots": 4}, {"slots": 5})


def test_what_was_changed_back_is_obeyed_too(rates: Any) -> None:
    read(rates)
    change(5)
    read(rates)
    change(4)

    assert read(rates) == {"slots": 4}


def test_outside_of_a_block_everything_is_read_anew(rates: Any) -> None:
    read(rates)
    change(5)

    assert rates() == {"slots": 5}


def test_within_a_block_nothing_changes(rates: Any) -> None:
    with constants_read_once():
        change(5)

        assert rates() == {"slots": 4}


def test_what_stayed_the_same_costs_one_statement(rates: Any, django_assert_num_queries: Any) -> None:
    read(rates)

    with django_assert_num_queries(1):
        assert read(rates) == {"slots": 4}


def test_a_change_between_fingerprint_and_reading_is_kept_for_the_fingerprint_it_belongs_to(rates: Any) -> None:
    fingerprint = constants._fingerprint

    def change_after_it() -> str:
        taken = fingerprint()
        if rates() == {"slots": 4}:
            change(5)
        return taken

    with mock.patch("core.constants._fingerprint", change_after_it):
        assert read(rates) == {"slots": 5}
    change(4)

    assert read(rates) == {"slots": 4}


def test_every_table_that_a_reader_asks_is_part_of_the_fingerprint() -> None:
    assert len(constants._READERS) >= 10
    sources = " ".join(constants._SOURCES)

    with CaptureQueriesContext(connection) as asked:
        for reader in constants._READERS.values():
            reader()

    tables = {table for query in asked.captured_queries for table in _tables(query["sql"])}
    assert tables
    assert {table for table in tables if f"FROM {table}" not in sources} == set()


def _tables(sql: str) -> list[str]:
    return re.findall(r'(?:FROM|JOIN) "?(\w+)"?', sql)

"""Plans kept in the session: prepared once, found again by whoever comes next, never trusted beyond what is there."""

from collections.abc import Iterator
from typing import Any

import pghistory
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core import plans
from core.expressions import fetch_rows, run_statement
from core.models import OutboxEvent
from core.plans import KEYS_MAX, fetch_planned, plans_kept, run_planned

pytestmark = pytest.mark.django_db(transaction=True)

DOUBLED = "SELECT %s::integer * 2"


@pytest.fixture(autouse=True)
def session_of_its_own() -> Iterator[None]:
    connection.close()
    yield
    connection.close()


def doubled(number: int, *, keys: int = 1) -> int:
    with transaction.atomic(), plans_kept(keys=keys):
        return int(fetch_planned(DOUBLED, [number])[0][0])


def prepared() -> list[str]:
    rows = fetch_rows("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'kept%%' ORDER BY prepare_time", [])
    return [statement.partition(" AS ")[2] for (statement,) in rows]


def test_a_statement_is_prepared_once_and_executed_by_name_in_later_transactions() -> None:
    assert doubled(4) == 8

    with CaptureQueriesContext(connection) as queries:
        assert doubled(5) == 10

    assert prepared() == ["SELECT $1::integer * 2"]
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "SELECT", "EXECUTE", "COMMIT"]


def test_a_rolled_back_transaction_leaves_its_plans_to_the_next() -> None:
    with transaction.atomic(), plans_kept(keys=1):
        fetch_planned(DOUBLED, [1])
        transaction.set_rollback(True)

    assert doubled(6) == 12
    assert len(prepared()) == 1


def test_what_was_deallocated_meanwhile_is_prepared_again() -> None:
    doubled(1)
    run_statement("DEALLOCATE ALL", [])

    assert doubled(7) == 14


def test_another_session_prepares_for_itself() -> None:
    doubled(1)
    connection.close()

    assert prepared() == []
    assert doubled(8) == 16


def test_a_changed_table_is_planned_anew() -> None:
    def first() -> tuple[Any, ...]:
        with transaction.atomic(), plans_kept(keys=1):
            return fetch_planned("SELECT said FROM plans_of_ours WHERE number = %s", [1])[0]

    run_statement("CREATE TEMPORARY TABLE plans_of_ours (number integer, said text)", [])
    run_statement("INSERT INTO plans_of_ours VALUES (1, 'before')", [])
    before = first()
    run_statement("ALTER TABLE plans_of_ours ALTER COLUMN number TYPE bigint", [])
    run_statement("CREATE UNIQUE INDEX ON plans_of_ours (number)", [])
    run_statement("UPDATE plans_of_ours SET said = 'after'", [])

    assert (before, first()) == (("before",), ("after",))


def test_percent_signs_and_rows_written_are_those_of_the_statement() -> None:
    sql = """
        INSERT INTO outbox_events (topic, key, payload)
        SELECT '100%%: ' || %s::text, n::text, '{}' FROM generate_series(1, %s) n
    """
    with transaction.atomic(), plans_kept(keys=1):
        written = run_planned(sql, ["sure", 3])

    assert written == 3
    assert set(OutboxEvent.objects.values_list("topic", flat=True)) == {"100%: sure"}


def test_a_request_whose_changes_are_kept_in_history_may_put_its_statement_before_ours() -> None:
    with pghistory.context(said="by a request"), transaction.atomic(), plans_kept(keys=1):
        found = [fetch_planned("SELECT %s::text || '%%'", [text])[0][0] for text in ("10", "20")]

    assert found == ["10%", "20%"]


def test_nothing_is_prepared_for_many_keys() -> None:
    assert doubled(9, keys=KEYS_MAX + 1) == 18
    assert prepared() == []


def test_nothing_is_prepared_where_nobody_asked_to_keep_plans() -> None:
    assert fetch_planned(DOUBLED, [2]) == [(4,)]
    assert prepared() == []


def test_plans_are_kept_within_transactions_alone() -> None:
    with pytest.raises(RuntimeError, match="within a transaction"), plans_kept(keys=1):
        pass


def test_the_oldest_plans_are_dropped_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "PLANS_KEPT_MAX", 2)
    for number in range(4):
        with transaction.atomic(), plans_kept(keys=1):
            fetch_planned(f"SELECT {number} + %s::integer", [1])

    with transaction.atomic(), plans_kept(keys=1):
        assert prepared() == ["SELECT 2 + $1::integer", "SELECT 3 + $1::integer"]


def test_a_plan_is_made_for_all_parameters_until_the_transaction_ends() -> None:
    with transaction.atomic(), plans_kept(keys=1):
        within = fetch_rows("SHOW plan_cache_mode", [])
    after = fetch_rows("SHOW plan_cache_mode", [])

    assert (within, after) == ([("force_generic_plan",)], [("auto",)])

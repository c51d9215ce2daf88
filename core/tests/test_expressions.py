"""Small SQL expressions: three-valued, exact, unknown where they must be."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, Q, Value
from django.db.models.lookups import GreaterThan

from core.expressions import (
    IsDistinctFrom,
    Not,
    Quotient,
    compile_expression,
    compile_queryset,
    fetch_rows,
    run_statement,
    written_out,
)
from core.models import OutboxEvent, RunChunk

pytestmark = pytest.mark.django_db


def value_of(sql: str, params: list[Any]) -> object:
    return fetch_rows(f"SELECT {sql}", params)[0][0]


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(1, 8, Decimal("0.125")), (Decimal("1.10"), Decimal("1.00"), Decimal("1.1")), (5, 0, None), (None, 5, None)],
)
def test_a_quotient_is_exact_and_unknown_without_a_denominator(
    numerator: Any, denominator: Any, quotient: Decimal | None
) -> None:
    sql, params = compile_expression(Quotient(Value(numerator), Value(denominator)), model=OutboxEvent)

    assert value_of(sql, params) == quotient


def test_a_quotient_of_sums_divides_the_whole_sums() -> None:
    expression = Quotient(Value(1) + Value(5), Value(1) + Value(2))
    sql, params = compile_expression(expression, model=OutboxEvent)

    assert value_of(sql, params) == 2


def test_not_of_unknown_is_unknown() -> None:
    OutboxEvent.objects.create(topic="t", key="k", payload={})
    is_late = GreaterThan(F("delivered_at"), F("created_at"))

    assert not OutboxEvent.objects.filter(Q(is_late)).exists()
    assert not OutboxEvent.objects.filter(Q(Not(is_late))).exists()


@pytest.mark.parametrize(
    ("left", "right", "differs"), [(1, 1, False), (1, 2, True), (1, None, True), (None, None, False)]
)
def test_null_counts_as_a_value_when_rows_are_compared(left: int | None, right: int | None, differs: bool) -> None:
    sql, params = compile_expression(IsDistinctFrom(Value(left), Value(right)), model=OutboxEvent)

    assert value_of(sql.replace("%s", "%s::integer"), params) is differs


def test_an_expression_compiles_with_the_models_table_as_its_relation() -> None:
    sql, params = compile_expression(F("attempts") + Value(3), model=OutboxEvent)

    stand_in = "(SELECT 4 AS attempts) outbox_events"
    assert fetch_rows(f"SELECT {sql} FROM {stand_in}", params) == [(7,)]


def test_a_compiled_queryset_can_stand_in_a_larger_statement() -> None:
    OutboxEvent.objects.create(topic="t", key="100%", payload={})
    sql, params = compile_queryset(OutboxEvent.objects.filter(key="100%").values("topic"))

    assert fetch_rows(f"SELECT topic FROM ({sql}) found", params) == [("t",)]


def test_a_statement_tells_how_many_rows_it_wrote() -> None:
    assert run_statement("UPDATE run_chunks SET is_done = true", []) == 0
    assert not RunChunk.objects.exists()


def test_parameters_written_out_are_the_same_values_and_leave_room_for_others() -> None:
    values = ["it's 100% %s", Decimal("0.10"), None, True]
    written = written_out("SELECT %s, %s, %s::text, %s", [*values])

    assert fetch_rows(f"{written}, %s::integer", [7]) == [(*values, 7)]

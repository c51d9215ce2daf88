"""Django expressions compiled to SQL text, for the set-based statements the ORM cannot say.

An expression is written once against a model and compiled with the model's table name as its relation, so a subquery
that is given the same alias can stand in for the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connection, models
from django.db.models import BooleanField, Func
from django.db.models.expressions import Combinable
from psycopg import ClientCursor

PLACEHOLDER = re.compile(r"%[s%]")
Sql = tuple[str, list[Any]]
Params = list[Any] | Mapping[str, Any]


class IsDistinctFrom(Func):
    """`a IS DISTINCT FROM b`: true where two values differ, NULL counted as a value."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    arity = 2
    output_field = BooleanField()


class Not(Func):
    """Three-valued `NOT`: unknown stays unknown, unlike `~Q`, which matches NULL."""

    template = "(NOT %(expressions)s)"
    arity = 1
    output_field = BooleanField()


class Quotient(Func):
    """`a / b` exactly, as numeric; unknown where `b` is 0 or either is unknown."""

    template = "(%(expressions)s, 0))"
    arg_joiner = "::numeric / nullif("
    arity = 2
    output_field = models.DecimalField(max_digits=38, decimal_places=18)


def compile_expression(expression: Combinable | models.Q, *, model: type[models.Model]) -> Sql:
    """Return the SQL and parameters of an expression over the columns of `model`'s relation."""
    query = model._default_manager.all().query
    query.get_initial_alias()
    # Everything that combines can be resolved; the types of Django leave it out.
    resolved = expression.resolve_expression(query, allow_joins=False)  # type: ignore[union-attr]
    sql, params = query.get_compiler(connection=connection).compile(resolved)
    return sql, list(params)


def compile_queryset(queryset: models.QuerySet[Any]) -> Sql:
    """Return the SQL and parameters of a queryset, for use inside a larger statement."""
    sql, params = queryset.query.sql_with_params()
    return sql, list(params)


def written_out(sql: str, params: list[Any]) -> str:
    """Return SQL with its parameters as literals in it, to be executed with parameters of its own (`%` is doubled).

    What is bound to thousands of constants again and again takes longer to bind than to execute.
    """
    connection.ensure_connection()
    return ClientCursor(connection.connection).mogrify(sql, params).replace("%", "%%")


def partly_written_out(sql: str, params: Sequence[Any], *, is_open: Callable[[Any], bool]) -> Sql:
    """Return the same with the parameters left open that `is_open` says of; they are bound each time."""
    remaining, left = iter(params), []

    def written(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%%"
        param = next(remaining)
        if is_open(param):
            left.append(param)
            return "%s"
        return written_out("%s", [param])

    return PLACEHOLDER.sub(written, sql), left


def run_statement(sql: str, params: Params) -> int:
    """Execute a statement and return how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def fetch_rows(sql: str, params: Params) -> list[tuple[Any, ...]]:
    """Execute a query and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())

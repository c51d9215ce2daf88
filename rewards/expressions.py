"""Compile conditions and formulas to Django expressions over `player_facts`. The only evaluator there is.

Three-valued as SQL is: a comparison with an unknown value is unknown, `not` of unknown is unknown, and unknown matches
nothing.
PostgreSQL's GREATEST and LEAST skip NULL; here a minimum of something unknown is unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Case, DecimalField, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.fields.json import KT
from django.db.models.functions import Abs, Cast, Ceil, Coalesce, Floor, Greatest, Least, NullIf, Round
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, LessThan, LessThanOrEqual

from core.expressions import Not, Quotient
from rewards.conditions import AllOf, AnyOf, Comparison, Condition, Negation, Operator
from rewards.fields import NUMBER_MAX, SINCE_LAST_REWARD, Field, Kind
from rewards.formulas import Binary, Call, Formula, Name, Negative, Number
from rewards.models import RewardDecision
from rewards.models.decisions import COUNTING_VERDICTS

if TYPE_CHECKING:
    _Decimals = DecimalField[Decimal, Decimal]
else:
    _Decimals = DecimalField

_EXACT = DecimalField(max_digits=38, decimal_places=10)
_FLOOR = Value(-NUMBER_MAX, output_field=_EXACT)
_LOOKUPS: dict[Operator, Any] = {
    Operator.MIN: GreaterThanOrEqual,
    Operator.MAX: LessThanOrEqual,
    Operator.GT: GreaterThan,
    Operator.LT: LessThan,
    Operator.EQUALS: Exact,
    Operator.IN: In,
}


class _TagsOverlap(Func):
    """Whether a player has at least one of the tags."""

    template = "(%(expressions)s::varchar[])"
    arg_joiner = " && "
    arity = 2
    output_field = BooleanField()


class _Arithmetic(Func):
    """One operator on exact numerics, always in parentheses."""

    arity = 2
    output_field = _EXACT

    def __init__(self, sign: str, left: Any, right: Any) -> None:
        super().__init__(left, right, arg_joiner=f" {sign} ", template="(%(expressions)s)")


def condition_expression(condition: Condition, *, rule_number: int) -> Q:
    """Return what must be true of a row of `player_facts`; an empty Q, for everybody, only at the root."""
    match condition:
        case AllOf(members):
            combined = Q()
            for member in members:
                combined &= condition_expression(member, rule_number=rule_number)
            return combined
        case AnyOf(members):
            alternatives = Q()
            for member in members:
                alternatives |= condition_expression(member, rule_number=rule_number)
            return alternatives
        case Negation(member):
            return Q(Not(condition_expression(member, rule_number=rule_number)))
        case Comparison():
            return Q(_comparison_expression(condition, rule_number=rule_number))


def _comparison_expression(comparison: Comparison, *, rule_number: int) -> Combinable:
    if comparison.field.kind is Kind.TAGS:
        return _tags_expression(comparison)
    actual = _compared_expression(comparison, rule_number=rule_number)
    if comparison.operator is Operator.NOT:
        return Not(Exact(actual, _value(comparison.value)))
    if comparison.operator is Operator.NOT_IN:
        return Not(_is_in(actual, comparison.value))
    if comparison.operator is Operator.IN:
        return _is_in(actual, comparison.value)
    lookup: Combinable = _LOOKUPS[comparison.operator](actual, _value(comparison.value))
    return lookup


def _compared_expression(comparison: Comparison, *, rule_number: int) -> Combinable:
    """Return the field's value; of a net loss the bare difference where it is compared with amounts above 0 alone.

    Every result below 0 stands to them as the 0 does that it is cut to, and the difference is taken only once.
    """
    field, values = comparison.field, _values(comparison.value)
    if field.is_net_loss and all(value > 0 for value in values):
        return _uncut_expression(field, rule_number=rule_number)
    return field_expression(field, rule_number=rule_number)


def _is_in(actual: Combinable, values: Any) -> Combinable:
    # As expressions: bare values would be cut to the column's own type, and 25.5 sessions would match 25.
    found: Combinable = In(actual, [_value(value) for value in _values(values)])
    return found


def _tags_expression(comparison: Comparison) -> Combinable:
    wanted = list(_values(comparison.value))
    overlap = _TagsOverlap(F("tags"), Value(wanted))
    return Not(overlap) if comparison.operator in (Operator.NOT, Operator.NOT_IN) else overlap


def _value(value: Any) -> Value:
    return Value(value, output_field=_EXACT) if isinstance(value, Decimal) else Value(value)


def _values(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def field_expression(field: Field, *, rule_number: int) -> Combinable:
    """Return the value of a field: a column of the facts, or what the registry derives from columns."""
    value = _uncut_expression(field, rule_number=rule_number)
    return _not_below_zero(value) if field.is_net_loss else value


def _uncut_expression(field: Field, *, rule_number: int) -> Combinable:
    """Return the value of a field, of a net loss below 0 as well."""
    if field.is_since_last_reward:
        base = field.name.removesuffix(SINCE_LAST_REWARD)
        columns = {column: _since_last_reward(column, rule_number=rule_number) for column in field.columns}
    else:
        base = field.name.removesuffix(f"_{field.window_days}d") if field.window_days else field.name
        columns = {column: F(column) for column in field.columns}
    if base == "net_loss" and field.columns == ("net_pnl",):
        return _Arithmetic("-", Value(0), F("net_pnl"))
    if len(field.columns) == 1:
        return next(iter(columns.values()))
    return _result(base, *columns.values())


def _result(base: str, first: Combinable, second: Combinable) -> Combinable:
    """Return a result over its two measures, in the order the registry names them."""
    match base:
        case "net_pnl":
            return _Arithmetic("-", first, second)
        case "net_loss" | "house_edge_contribution":
            return _Arithmetic("-", second, first)
        case "win_loss_ratio":
            return Case(
                When(Q(Exact(second, Value(0))), then=Value(Decimal(0))),
                default=_Arithmetic("/", first, second),
                output_field=_EXACT,
            )
        case _:
            return Quotient(first, second)


def _not_below_zero(amount: Combinable) -> Combinable:
    return Case(When(Q(LessThan(amount, Value(0))), then=Value(Decimal(0))), default=amount, output_field=_EXACT)


def _since_last_reward(column: str, *, rule_number: int) -> Combinable:
    """Return a total less what it was when this rule last gave the player a reward; the whole total if it never did.

    A reward that waits for a person counts as given: it would be paid for the same play again once it is released.
    Unknown where that decision did not keep the total, or an edited rule would pay for a lifetime again.
    """
    then = (
        RewardDecision.objects.filter(
            player_id=OuterRef("player_id"),
            rule=rule_number,  # type: ignore[misc]  # its key here is the number
            verdict__in=[str(verdict) for verdict in COUNTING_VERDICTS],
        )
        .order_by("-first_on", "-id")
        .annotate(total=Coalesce(Cast(KT(f"facts__{column}"), _EXACT), _NOT_KEPT))
        .values("total")[:1]
    )
    total_then = Coalesce(Subquery(then), Value(Decimal(0)), output_field=_EXACT)
    return _Arithmetic("-", F(column), NullIf(total_then, _NOT_KEPT, output_field=_EXACT))


# Numbers that no total and no operand can be.
_NOT_KEPT = RawSQL("'NaN'::numeric", [], output_field=_EXACT)
_LOWEST = RawSQL("'-Infinity'::numeric", [], output_field=_EXACT)
_HIGHEST = RawSQL("'Infinity'::numeric", [], output_field=_EXACT)


def formula_expression(formula: Formula, *, rule_number: int) -> Combinable:
    """Return the formula's value, unknown where a field is unknown or a divisor is 0."""
    match formula:
        case Number(value):
            # A bare literal would be an integer to PostgreSQL: it overflows, and floor() of it is a float.
            return Cast(Value(value, output_field=_EXACT), _Numeric())
        case Name(field):
            return Cast(field_expression(field, rule_number=rule_number), _Numeric())
        case Negative(operand):
            return _Arithmetic(
                "-", Value(Decimal(0), output_field=_EXACT), formula_expression(operand, rule_number=rule_number)
            )
        case Binary("/", left, right):
            return Quotient(
                formula_expression(left, rule_number=rule_number), formula_expression(right, rule_number=rule_number)
            )
        case Binary(sign, left, right):
            return _Arithmetic(
                sign,
                formula_expression(left, rule_number=rule_number),
                formula_expression(right, rule_number=rule_number),
            )
        case Call(function, arguments):
            compiled = [formula_expression(argument, rule_number=rule_number) for argument in arguments]
            return _call(function, compiled, arguments)


class _Numeric(_Decimals):
    """Numeric without a scale, so that a cast does not round."""

    def cast_db_type(self, connection: Any) -> str:  # noqa: ARG002 asked for by Django
        return "numeric"


def _call(function: str, compiled: list[Combinable], arguments: tuple[Formula, ...]) -> Combinable:
    match function:
        case "min":
            return _extreme(Least, compiled, unknown_as=Greatest, standing=_LOWEST)
        case "max":
            return _extreme(Greatest, compiled, unknown_as=Least, standing=_HIGHEST)
        case "round":
            places = arguments[1] if len(arguments) == 2 else Number(Decimal(0))
            precision = int(places.value) if isinstance(places, Number) else 0
            return Round(compiled[0], precision=precision, output_field=_EXACT)
        case "floor":
            return Floor(compiled[0], output_field=_EXACT)
        case "ceil":
            return Ceil(compiled[0], output_field=_EXACT)
        case _:
            return Abs(compiled[0], output_field=_EXACT)


def _extreme(extreme: Any, operands: list[Combinable], *, unknown_as: Any, standing: RawSQL) -> Combinable:
    """Return the smallest or largest, unknown if any operand is.

    An unknown one, which GREATEST and LEAST would skip, is let stand as an infinity that is then the extreme; no
    operand is written twice, and none is itself infinite.
    """
    known = [unknown_as(operand, standing, output_field=_EXACT) for operand in operands]
    return NullIf(extreme(*known, output_field=_EXACT), standing, output_field=_EXACT)


def reward_amount_expression(
    *, formula: Formula, max_amount: Decimal | None, is_whole: bool, rule_number: int
) -> Combinable:
    """Return the amount a rule computes: capped at `max_amount`, half up to the cent, or to whole units for tickets.

    Unknown where the formula is, or where it falls below every number that could be stored.
    """
    amount = formula_expression(formula, rule_number=rule_number)
    # GREATEST and LEAST skip NULL; what they then leave is turned back into NULL, at one evaluation of the formula.
    amount = Greatest(amount, _FLOOR, output_field=_EXACT)
    if max_amount is not None:
        amount = Least(amount, Value(max_amount, output_field=_EXACT), output_field=_EXACT)
    return Round(NullIf(amount, _FLOOR, output_field=_EXACT), precision=0 if is_whole else 2, output_field=_EXACT)

"""The JSON Schema of rules and the list of fields, generated from what the parser itself reads by.

Whatever the parser takes validates. The other way round the schema is the weaker of the two: it knows shapes, types,
names and ranges, but not sums over a document, nor whether anybody can satisfy the conditions, nor what a formula says.
Keywords that begin with `x-` are notes for editors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import BooleanField, CharField, DateField, DecimalField
from django.db.models import Field as Column

from players.models import GameCategory, PlayerSegment, Tier
from rewards.conditions import Operator
from rewards.conditions.parsing import CONDITIONS_MAX, LIST_MAX, LISTS, ORDERING, TEXT_MAX
from rewards.definitions import BONUS_TYPES, DECIMAL_PATTERN
from rewards.fields import ALIASES, FIELDS, NUMBER_MAX, Field, Kind
from rewards.formulas import FUNCTION_HELP, LENGTH_MAX
from rewards.models import RewardRule, RewardType
from rewards.reward_keys import GAMES_MAX, PERK_LENGTH_MAX, REWARD_KEYS, RewardKey, Shape
from rewards.rules import ALIASES as RULE_ALIASES
from rewards.rules import CONTENT_FIELDS, DATE_PATTERN, JURISDICTIONS_MAX
from wallet.bonuses import EXPIRY_HOURS_MAX

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# PostgreSQL stores neither a NUL character nor half a surrogate pair.
_STORABLE = r"^[^\u0000\ud800-\udfff]*$"
_FORMULA_CHARACTERS = r"^[A-Za-z0-9_.,()+*/ \t\n\r\f\v-]*$"
_SUFFIXES = {"_min": "at least this, the bound included", "_max": "at most this, the bound included"}
OPERATOR_HELP = {
    Operator.MIN: "at least this, the bound included",
    Operator.MAX: "at most this, the bound included",
    Operator.GT: "more than this",
    Operator.LT: "less than this",
    Operator.EQUALS: "exactly this",
    Operator.NOT: "known, and not this",
    Operator.IN: "any of these",
    Operator.NOT_IN: "known, and none of these",
}
_GROUP_HELP = {
    "all": "Every one of these must hold.",
    "any": "At least one of these must hold.",
    "not": "This must be known not to hold.",
}


def describe_fields() -> list[dict[str, Any]]:
    """Return what conditions and formulas may name: every field with its aliases, kind, unit, operators and help."""
    aliases: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        aliases.setdefault(name, []).append(alias)
    return [
        {
            "name": field.name,
            "aliases": aliases.get(field.name, []),
            "kind": str(field.kind),
            "unit": field.unit,
            "help": field.help,
            "operators": [str(operator) for operator in operators_of(field.kind)],
            "is_usable_in_formulas": field.kind.is_numeric,
            "window_days": field.window_days,
            "is_since_last_reward": field.is_since_last_reward,
        }
        for field in FIELDS.values()
    ]


def operators_of(kind: Kind) -> list[Operator]:
    """Return the comparisons that a kind of field takes."""
    return [operator for operator in Operator if kind.is_numeric or operator not in ORDERING]


def current_rule_schema() -> Schema:
    """Return the schema with the tiers and game categories there are now."""
    return rule_schema(
        tiers=list(Tier.objects.values_list("tier_level", flat=True)),
        games=list(GameCategory.objects.order_by("code").values_list("code", flat=True)),
    )


def rule_schema(*, tiers: Sequence[str], games: Sequence[str]) -> Schema:
    """Return the schema of a rule to create; a change takes any of its keys but `rule_id`."""
    properties: Schema = {
        "rule_id": {
            **_column(RewardRule._meta.get_field("rule_id")),
            "description": "What the rule is called for good.",
        },
        **column_schemas(),
        "is_active": {"type": "boolean", "description": "Short for the status ACTIVE or PAUSED."},
        **{alias: {"$ref": f"#/$defs/{name}"} for alias, name in RULE_ALIASES.items()},
        "conditions": {"$ref": "#/$defs/conditions"},
        "reward_config": {"$ref": "#/$defs/reward_config"},
    }
    return {
        "$schema": DIALECT,
        "title": "Rule",
        "description": "Who gets what, how often and up to what.",
        **_object(properties),
        "required": ["rule_id"],
        "oneOf": [{"required": ["reward_config"]}, {"required": ["reward"]}],
        "$defs": {
            **_condition_definitions(tiers),
            "reward_config": _reward_schema(games),
            "formula": _formula_schema(),
        },
    }


def column_schemas() -> Schema:
    """Return what the columns of a rule take, but for the two that are documents."""
    names = ["status", *(name for name in CONTENT_FIELDS if name not in ("conditions", "reward_config"))]
    return {name: _column(RewardRule._meta.get_field(name)) for name in names}


def _object(properties: Mapping[str, Any]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _list(items: Schema, *, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _condition_definitions(tiers: Sequence[str]) -> Schema:
    number = {"type": "number", "minimum": -int(NUMBER_MAX), "maximum": int(NUMBER_MAX)}
    text = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX, "pattern": _STORABLE}
    return {
        "conditions": _conditions_schema(),
        "condition_group": {"$ref": "#/$defs/conditions", "minProperties": 1},
        "condition_list": _list({"$ref": "#/$defs/condition_group"}, most=CONDITIONS_MAX),
        "number": number,
        "number_test": _test(number, Kind.NUMBER),
        "text_test": _test(text, Kind.TEXT),
        "boolean_test": _test({"type": "boolean"}, Kind.BOOLEAN),
        "segment_test": _test({"enum": PlayerSegment.values}, Kind.TEXT),
        "tier_test": _test({"enum": list(tiers)}, Kind.TEXT),
    }


def _test(value: Schema, kind: Kind) -> Schema:
    """Return what may stand after a field: a value, a list of which any will do, or comparisons."""
    values = _list(value, most=LIST_MAX)
    comparisons = {
        str(operator): {**(values if operator in LISTS else value), "description": OPERATOR_HELP[operator]}
        for operator in operators_of(kind)
    }
    return {"anyOf": [value, values, {**_object(comparisons), "minProperties": 1}]}


def _conditions_schema() -> Schema:
    named = {name: _field_schema(field, field.help) for name, field in FIELDS.items()}
    named |= {alias: _field_schema(FIELDS[name], f"The same as {name}.") for alias, name in ALIASES.items()}
    numeric = [name for name in [*FIELDS, *ALIASES] if FIELDS[ALIASES.get(name, name)].kind.is_numeric]
    groups = {
        "all": {"$ref": "#/$defs/condition_list"},
        "any": {"$ref": "#/$defs/condition_list"},
        "not": {"$ref": "#/$defs/condition_group"},
    }
    return {
        **_object({**{name: {**group, "description": _GROUP_HELP[name]} for name, group in groups.items()}, **named}),
        "description": "Who gets it: every key must hold. An empty object holds for every player.",
        "patternProperties": {f"^(?:{'|'.join(numeric)})_(?:min|max)$": {"$ref": "#/$defs/number"}},
    }


def _field_schema(field: Field, description: str) -> Schema:
    described: Schema = {
        "$ref": f"#/$defs/{_test_of(field)}",
        "title": f"{field.kind}, {field.unit}",
        "description": description,
    }
    return {**described, "x-suffixes": _SUFFIXES} if field.kind.is_numeric else described


def _test_of(field: Field) -> str:
    if field.name in ("segment", "tier"):
        return f"{field.name}_test"
    return {Kind.BOOLEAN: "boolean_test", Kind.TEXT: "text_test", Kind.TAGS: "text_test"}.get(field.kind, "number_test")


def _formula_schema() -> Schema:
    words = {
        name: {"title": f"{field.kind}, {field.unit}", "description": field.help}
        for name, field in FIELDS.items()
        if field.kind.is_numeric
    }
    words |= {name: {"title": "function", "description": text} for name, text in FUNCTION_HELP.items()}
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": LENGTH_MAX,
        "pattern": _FORMULA_CHARACTERS,
        "x-words": words,
    }


def _reward_schema(games: Sequence[str]) -> Schema:
    properties = {key.name: _reward_key_schema(key, games) for key in REWARD_KEYS.values()}
    without = {key.name: {"enum": [None, 0]} for key in REWARD_KEYS.values() if key.is_for_bonus_money}
    given = {"not": {"type": "null"}}
    return {
        **_object(properties),
        "description": "What is given: a type, and either an amount or a formula with a maximum.",
        "required": ["type"],
        "oneOf": [
            {
                "required": ["formula", "max_amount"],
                "properties": {"formula": given, "max_amount": given, "amount": {"type": "null"}},
            },
            {"required": ["amount"], "properties": {"amount": given, "formula": {"type": "null"}}},
        ],
        "if": {"properties": {"type": {"enum": [str(name) for name in BONUS_TYPES]}}},
        "else": {"properties": without},
    }


def _reward_key_schema(key: RewardKey, games: Sequence[str]) -> Schema:
    return {"title": key.unit, "description": key.help, **_value_schema(key, games)}


def _value_schema(key: RewardKey, games: Sequence[str]) -> Schema:
    least = "exclusiveMinimum" if key.is_above_zero else "minimum"
    number = {"type": "number", least: 0, "maximum": int(key.maximum)}
    by_shape: dict[Shape, Schema] = {
        Shape.TYPE: {"enum": RewardType.values},
        Shape.FORMULA: _or_null({"$ref": "#/$defs/formula"}),
        Shape.AMOUNT: _or_null(number, _decimal_text()),
        Shape.HOURS: _or_null({"type": "integer", "minimum": 1, "maximum": EXPIRY_HOURS_MAX}),
        Shape.GAMES: _or_null(_list({"enum": list(games)}, most=GAMES_MAX)),
        Shape.SWITCH: {"type": "boolean"},
        Shape.TEXT: {"type": "string", "maxLength": PERK_LENGTH_MAX},
    }
    return by_shape[key.shape]


def _or_null(*alternatives: Schema) -> Schema:
    return {"anyOf": [*alternatives, {"type": "null"}]}


def _decimal_text() -> Schema:
    return {"type": "string", "pattern": f"^{DECIMAL_PATTERN}$"}


def _column(column: Any) -> Schema:
    """Return what a column of the rule takes, from the model."""
    described = {"title": str(column.verbose_name)}
    if column.help_text:
        described["description"] = str(column.help_text)
    alternatives = _column_alternatives(column)
    if column.null:
        alternatives.append({"type": "null"})
    return {**described, **(alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives})}


def _column_alternatives(column: Column[Any, Any]) -> list[Schema]:
    if column.choices:
        return [{"enum": [value for value, _ in column.choices]}]
    if isinstance(column, ArrayField):
        item = {"type": "string", "maxLength": column.base_field.max_length}
        return [{"type": "array", "items": item, "maxItems": JURISDICTIONS_MAX}]
    return _scalar_alternatives(column)


def _scalar_alternatives(column: Column[Any, Any]) -> list[Schema]:
    match column:
        case CharField():
            least = {} if column.blank else {"minLength": 1}
            return [{"type": "string", **least, "maxLength": column.max_length, "pattern": _STORABLE}]
        case DateField():
            return [{"type": "string", "format": "date", "pattern": f"^{DATE_PATTERN}$"}]
        case DecimalField():
            return [{"type": "number"}, _decimal_text()]
        case BooleanField():
            return [{"type": "boolean"}]
        case _:
            return [{"type": "integer", **_limits(column.validators)}]


def _limits(validators: Iterable[Any]) -> Schema:
    limits: Schema = {}
    for validator in validators:
        if isinstance(validator, MinValueValidator):
            limits["minimum"] = validator.limit_value
        elif isinstance(validator, MaxValueValidator):
            limits["maximum"] = validator.limit_value
    return limits

"""The life of rules: saving with validation and versions, and the rules that run on a business date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import BooleanField, CharField, DateField, DecimalField, IntegerField, Max, Q, QuerySet
from django.utils import timezone

from core.strict_json import is_storable
from players.action_codes import is_action_code
from players.models import GameCategory, Tier
from players.models.jurisdictions import CODE_LENGTH_MAX
from rewards.conditions import Condition, comparisons, parse_conditions
from rewards.definitions import DECIMAL_TEXT, UNKNOWN_KEYS_MAX, RuleDefinition, define_rule
from rewards.jurisdictions.saving import jurisdiction_problems
from rewards.models import RewardRule, RewardRuleVersion, RuleAct, RuleStatus
from rewards.problems import Problem, RuleInvalidError, nearest, shown, shown_key
from rewards.rule_life.events import record_event
from rewards.rule_life.requests import lapse_requests
from rewards.rule_life.versions import next_version

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# What a rule says; a change of any of these is a new version.
CONTENT_FIELDS = (
    "name",
    "description",
    "priority",
    "conditions",
    "reward_config",
    "is_live",
    "trigger",
    "starts_on",
    "ends_on",
    "frequency_period",
    "frequency_max",
    "cooldown_days",
    "daily_budget",
    "total_budget",
    "budget_pacing",
    "max_players",
    "exclusive_group",
    "jurisdictions",
    "holdout_percent",
)
ALIASES = {"reward": "reward_config"}
RULE_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
RULE_ID_SHAPE = "letters, digits, underscores, dots and dashes, a letter or digit first"
# What else lies under /api/rules/.
RESERVED_IDS = frozenset({"schema", "fields", "check", "overlap", "forecasts"})
JURISDICTIONS_MAX = 100
DATE_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_JSON_FIELDS = ("conditions", "reward_config")


def save_rule(*, rule_id: str, content: Mapping[str, Any], saved_by: User | None) -> RewardRule:
    """Create a rule or change the fields given, at once; a changed content is a new version.

    This is how the house itself saves: nobody has to approve it. What people change goes through
    `rewards.rule_life.editing`. `content` takes the columns of a rule, `status`, `is_active` (ACTIVE or PAUSED) and the
    documented alias `reward`. Raises RuleInvalidError with every problem found; then nothing is written.
    """
    check_rule_id(rule_id)
    given, problems = read_content(content)
    with transaction.atomic():
        rule, is_new = locked_or_new_rule(rule_id)
        status_before, kept = ("", None) if is_new else (rule.status, _kept_content(rule))
        problems += apply_content(rule, given)
        problems += find_problems(rule, reported={problem.path for problem in problems})
        if problems:
            raise RuleInvalidError(problems)
        is_changed = version_content(rule) != kept
        if is_changed and not is_new:
            rule.version = next_version(rule)
        _settle_approval(rule, is_changed=is_changed, status_before=status_before)
        write_rule(rule, is_new=is_new, saved_by=saved_by)
        if is_changed or rule.status != status_before:
            record_event(rule, RuleAct.SAVED, at=rule.updated_at, by=saved_by, status_before=status_before)
    rule.refresh_from_db()
    return rule


def _settle_approval(rule: RewardRule, *, is_changed: bool, status_before: str) -> None:
    """Let what the house saves run without asking; what was asked for by others has lapsed with it."""
    if rule.status in (RuleStatus.ACTIVE, RuleStatus.PAUSED):
        rule.approved_version = rule.version
    rule.is_stopped_by_guardrail = rule.is_stopped_by_guardrail and rule.status != RuleStatus.ACTIVE
    if is_changed:
        rule.pending_version = None
    if is_changed or (status_before == RuleStatus.PENDING_APPROVAL and rule.status != status_before):
        lapse_requests(rule, at=timezone.now(), reason="Saved by the house")


def check_rule_id(rule_id: str) -> None:
    """Raise RuleInvalidError for an id that no column can hold."""
    if not is_storable(rule_id):
        raise RuleInvalidError([Problem("rule_id", f"{shown(rule_id)} cannot be stored", "a plain text")])


def _check_new_id(rule_id: str) -> None:
    """Raise RuleInvalidError for an id under which the API would not find the rule."""
    if not RULE_ID_PATTERN.fullmatch(rule_id):
        raise RuleInvalidError([Problem("rule_id", f"{shown(rule_id)} is not usable", RULE_ID_SHAPE)])
    if rule_id in RESERVED_IDS:
        taken = ", ".join(sorted(RESERVED_IDS))
        raise RuleInvalidError([Problem("rule_id", f"{shown(rule_id)} is an address of the API", f"none of {taken}")])


def write_rule(rule: RewardRule, *, is_new: bool, saved_by: User | None) -> None:
    """Write a locked rule as it stands, and its version where that is new.

    A number of players that an older rule gets counts whom it paid before; the next settling does.
    """
    rule.are_places_counted = rule.max_players is not None and (is_new or rule.are_places_counted)
    rule.updated_at = timezone.now()
    rule.save(force_insert=is_new)
    RewardRuleVersion.objects.get_or_create(
        rule=rule, version=rule.version, defaults={"content": version_content(rule), "saved_by": saved_by}
    )


def locked_or_new_rule(rule_id: str) -> tuple[RewardRule, bool]:
    """Return the rule under lock, or a new one that is called by its id until it is given a name; and which it is.

    Raises RuleInvalidError for a new rule whose id no address could hold.
    """
    rules = RewardRule.objects.select_for_update().filter(rule_id=rule_id)
    if (rule := rules.first()) is not None:
        return rule, False
    with connection.cursor() as cursor:
        # Two rules made at once must not get one number; and the second to make the same rule changes it.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('reward_rules.number'))")
    if (rule := rules.first()) is not None:
        return rule, False
    _check_new_id(rule_id)
    last = RewardRule.objects.aggregate(last=Max("number"))["last"] or 0
    return RewardRule(rule_id=rule_id, number=last + 1, name=rule_id), True


def validate_rule(rule: RewardRule) -> RuleDefinition:
    """Return the rule's definition. Raises RuleInvalidError with every problem found."""
    problems = find_problems(rule)
    definition = None if problems else define_rule(rule)[0]
    if definition is None:
        raise RuleInvalidError(problems)
    return definition


def check_rule(content: Mapping[str, Any]) -> list[Problem]:
    """Return what `save_rule` would say of a new rule of this content; write nothing."""
    given, problems = read_content(content)
    rule = RewardRule(rule_id="NEW", number=0, name="NEW")
    problems += apply_content(rule, given)
    return problems + find_problems(rule, reported={problem.path for problem in problems})


def find_problems(rule: RewardRule, *, reported: frozenset[str] | set[str] = frozenset()) -> list[Problem]:
    """Return everything that is wrong with a rule but for the columns already reported."""
    columns = [problem for problem in _column_problems(rule) if problem.path not in reported]
    contents = [problem for problem in define_rule(rule)[1] if problem.path not in reported]
    return columns + contents + _reference_problems(rule) + jurisdiction_problems(rule)


def active_rules(*, on: date) -> list[RuleDefinition]:
    """Return the rules that the night of a business date decides, in that order; live ones wait for their triggers."""
    definitions = (define_rule(rule)[0] for rule in rules_in_force(on).filter(is_live=False))
    return [definition for definition in definitions if definition is not None]


def refused_rules(*, on: date) -> dict[str, list[Problem]]:
    """Return what keeps rules that should run on a business date from running: they were saved by an older house."""
    problems = {rule.rule_id: define_rule(rule)[1] for rule in rules_in_force(on)}
    return {rule_id: found for rule_id, found in problems.items() if found}


def rules_in_force(on: date) -> QuerySet[RewardRule]:
    """Return the active rules whose dates hold, live ones included, in the order they are decided."""
    in_time = (Q(starts_on=None) | Q(starts_on__lte=on)) & (Q(ends_on=None) | Q(ends_on__gte=on))
    return RewardRule.objects.filter(in_time, status=RuleStatus.ACTIVE).order_by("-priority", "number")


def rules_of_versions(names: list[dict[str, Any]]) -> list[RuleDefinition]:
    """Return the definitions of stored versions, in the order given: what a run decided to use when it began.

    Raises RuleInvalidError where one cannot be read any more: a run must not go on with fewer rules than it began with.
    """
    stored = RewardRuleVersion.objects.select_related("rule")
    return [define_version(stored.get(rule_id=name["rule_id"], version=name["version"])) for name in names]


def define_version(stored: RewardRuleVersion) -> RuleDefinition:
    """Return the definition of a stored version. Raises RuleInvalidError where it cannot be read any more."""
    rule = RewardRule(rule_id=stored.rule_id, number=stored.rule.number, version=stored.version)
    problems = apply_content(rule, stored.content)
    definition, more = define_rule(rule)
    if definition is None or problems:
        raise RuleInvalidError(problems + more)
    return definition


def version_content(rule: RewardRule) -> dict[str, Any]:
    """Return what a rule says, as JSON."""
    return {name: _as_json(getattr(rule, name)) for name in CONTENT_FIELDS}


def _kept_content(rule: RewardRule) -> Any:
    kept = RewardRuleVersion.objects.filter(rule=rule, version=rule.version)
    # What a version does not name did not exist when it was saved, and was as it is by default.
    return {**version_content(RewardRule()), **(kept.values_list("content", flat=True).first() or {})}


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return str(value) if isinstance(value, date | datetime) else value


def read_content(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the content by the rule's own names, and what is wrong with the names given."""
    problems = [
        Problem(alias, f"{alias} and {name} are given at once", f"use {name} alone")
        for alias, name in ALIASES.items()
        if alias in content and name in content
    ]
    given = {ALIASES.get(name, name): value for name, value in content.items()}
    is_active = given.pop("is_active", _NOT_GIVEN)
    if isinstance(is_active, bool):
        given.setdefault("status", RuleStatus.ACTIVE if is_active else RuleStatus.PAUSED)
    elif is_active is not _NOT_GIVEN:
        problems.append(Problem("is_active", f"{shown(is_active)} is not usable", "true or false"))
    known = (*CONTENT_FIELDS, *ALIASES, "status", "is_active")
    unknown = [name for name in given if name not in known][:UNKNOWN_KEYS_MAX]
    problems += [Problem(shown_key(name), "unknown key", nearest(str(name), known)) for name in unknown]
    return {name: value for name, value in given.items() if name in known}, problems


_NOT_GIVEN = object()


def apply_content(rule: RewardRule, content: Mapping[str, Any]) -> list[Problem]:
    """Set the columns of a rule; return what could not be set."""
    problems = []
    for name, value in content.items():
        try:
            setattr(rule, name, _column_value(name, value))
        except (ValidationError, TypeError, ValueError, ArithmeticError):
            problems.append(Problem(name, f"{shown(value)} is not usable", _column_help(name)))
    return problems


def _column_value(name: str, value: Any) -> Any:
    column = RewardRule._meta.get_field(name)
    if name in _JSON_FIELDS or (value is None and column.null):
        return value
    if isinstance(column, ArrayField):
        return _texts(value)
    if isinstance(column, BooleanField):
        return _boolean(value)
    if isinstance(value, bool) or (isinstance(value, str) and not is_storable(value)):
        raise ValueError(name)
    if isinstance(column, CharField) and not isinstance(value, str):
        raise TypeError(name)
    if isinstance(column, IntegerField) and not isinstance(value, int):
        raise TypeError(name)
    if isinstance(value, str) and not _spelling(column).fullmatch(value):
        raise ValueError(name)
    return column.to_python(str(value) if isinstance(value, float) else value)  # type: ignore[union-attr]


def _spelling(column: Any) -> re.Pattern[str]:
    """Return how a text must be written: Python reads spellings of dates and numbers that nobody else does."""
    match column:
        case DateField():
            return _DATE
        case DecimalField():
            return DECIMAL_TEXT
        case _:
            return _ANYTHING


_DATE = re.compile(DATE_PATTERN)
_ANYTHING = re.compile(r".*", re.DOTALL)


def _texts(value: Any) -> list[str]:
    """Return a list of short texts, each once, in the order given."""
    if not isinstance(value, list | tuple) or len(value) > JURISDICTIONS_MAX:
        raise TypeError(value)
    if not all(isinstance(text, str) and is_storable(text) and len(text) <= CODE_LENGTH_MAX for text in value):
        raise ValueError(value)
    return list(dict.fromkeys(value))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _column_help(name: str) -> str:
    column = RewardRule._meta.get_field(name)
    choices = [str(key) for key, _ in getattr(column, "choices", None) or ()]
    if choices:
        return "one of " + ", ".join(choices)
    if isinstance(column, CharField):
        return f"a text of at most {column.max_length} characters"
    return next((words for kind, words in _COLUMN_HELP.items() if isinstance(column, kind)), "a whole number")


_COLUMN_HELP = {
    ArrayField: 'a list of codes such as ["GB"], or [] for everywhere',
    BooleanField: "true or false",
    DateField: "a date such as 2025-12-31",
    DecimalField: "a number with two decimals at most",
}


def _column_problems(rule: RewardRule) -> list[Problem]:
    problems = []
    try:
        rule.clean_fields(exclude=[*_JSON_FIELDS, "number"])
    except ValidationError as error:
        problems = [
            Problem(name, " ".join(messages), _column_help(name)) for name, messages in error.message_dict.items()
        ]
    wrong = {problem.path for problem in problems}
    if rule.starts_on and rule.ends_on and not wrong & {"starts_on", "ends_on"} and rule.ends_on < rule.starts_on:
        problems.append(Problem("ends_on", f"{rule.ends_on} is before starts_on {rule.starts_on}", "a later day"))
    if "holdout_percent" not in wrong and not 0 <= rule.holdout_percent <= 100:
        problems.append(Problem("holdout_percent", f"{rule.holdout_percent} is no percentage", "0 to 100"))
    if "frequency_max" not in wrong and rule.frequency_max < 1:
        problems.append(Problem("frequency_max", "a rule that may never pay", "1 or more"))
    more = [*_budget_problems(rule), *_trigger_problems(rule)]
    return problems + [problem for problem in more if problem.path not in wrong]


def _trigger_problems(rule: RewardRule) -> list[Problem]:
    wanted = "a kind of activity such as DEPOSIT, an action's code such as KYC_COMPLETE, TIER_REACHED, or ANY"
    if not rule.is_live:
        return (
            [Problem("trigger", "only a live rule has a trigger", "set is_live, or remove it")] if rule.trigger else []
        )
    if not rule.trigger:
        return [Problem("trigger", "a live rule waits for something", wanted)]
    if not is_action_code(rule.trigger):
        return [Problem("trigger", f"{shown(rule.trigger)} is not usable", wanted)]
    return []


def _budget_problems(rule: RewardRule) -> list[Problem]:
    budgets = {"daily_budget": rule.daily_budget, "total_budget": rule.total_budget}
    return [
        Problem(name, f"{budget} is no budget", "an amount of money value above 0, or empty for none")
        for name, budget in budgets.items()
        if isinstance(budget, Decimal | int) and budget <= 0
    ]


def _reference_problems(rule: RewardRule) -> list[Problem]:
    """Return the names of game categories and tiers that do not exist."""
    games = rule.reward_config.get("eligible_games") if isinstance(rule.reward_config, dict) else None
    known = set(GameCategory.objects.values_list("code", flat=True))
    problems = [
        Problem(f"reward_config.eligible_games[{index}]", f"unknown game category {shown(game)}", nearest(game, known))
        for index, game in enumerate(games[:100] if isinstance(games, list) else [])
        if isinstance(game, str) and game not in known
    ]
    return problems + _tier_problems(parse_conditions(rule.conditions)[0])


def _tier_problems(conditions: Condition) -> list[Problem]:
    known = list(Tier.objects.values_list("tier_level", flat=True))
    problems = []
    for comparison in comparisons(conditions):
        if comparison.field.name == "tier":
            values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
            problems += [
                Problem(
                    comparison.path,
                    f"unknown tier {shown(value)}",
                    nearest(str(value), known) or "one of " + ", ".join(known),
                )
                for value in values
                if value not in known
            ]
    return problems

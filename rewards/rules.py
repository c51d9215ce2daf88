"""The life of rules: saving with validation and versions, and the rules that run on a business date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone

from core.errors import ConflictError
from players.models import GameCategory
from rewards.definitions import RuleDefinition, define_rule
from rewards.models import FrequencyPeriod, RewardRule, RewardRuleVersion, RuleStatus
from rewards.problems import Problem, RuleInvalidError, nearest

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# What a rule says; a change of any of these is a new version.
CONTENT_FIELDS = (
    "name",
    "description",
    "priority",
    "conditions",
    "reward_config",
    "starts_on",
    "ends_on",
    "frequency_period",
    "frequency_max",
    "cooldown_days",
    "daily_budget",
    "total_budget",
    "exclusive_group",
    "holdout_percent",
)
ALIASES = {"reward": "reward_config"}
NAMED_PROBLEMS = {"starts_on", "ends_on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVersionName:
    """Names one version of one rule, as a run remembers it."""

    rule_id: str
    version: int


def save_rule(*, rule_id: str, content: Mapping[str, Any], saved_by: AbstractBaseUser | None) -> RewardRule:
    """Create a rule or change the fields given; a changed content is a new version.

    `content` takes the columns of a rule, `status`, `is_active` (as ACTIVE or PAUSED) and the documented alias `reward`.
    Raises RuleInvalidError with every problem found; then nothing is written.
    """
    with transaction.atomic():
        rule = RewardRule.objects.select_for_update().filter(rule_id=rule_id).first()
        is_new = rule is None
        rule = rule or RewardRule(rule_id=rule_id, number=_next_number())
        before = {} if is_new else version_content(rule)
        _apply(rule, _normalised(content))
        validate_rule(rule)
        if not is_new and version_content(rule) != before:
            rule.version += 1
            rule.updated_at = timezone.now()
        rule.save(force_insert=is_new)
        _keep_version(rule, saved_by=saved_by)
    rule.refresh_from_db()
    return rule


def archive_rule(*, rule: RewardRule) -> None:
    """Take a rule out of use for good; what it gave and said stays readable."""
    RewardRule.objects.filter(pk=rule.pk).update(status=RuleStatus.ARCHIVED, updated_at=timezone.now())


def validate_rule(rule: RewardRule) -> RuleDefinition:
    """Return the rule's definition. Raises RuleInvalidError with every problem found."""
    problems = _column_problems(rule)
    definition = None
    if not problems:
        definition, problems = define_rule(rule)
        problems = problems + _reference_problems(rule)
    if problems or definition is None:
        raise RuleInvalidError(problems)
    return definition


def active_rules(*, on: date) -> list[RuleDefinition]:
    """Return the rules that run on a business date, in the order they are decided."""
    in_time = (Q(starts_on=None) | Q(starts_on__lte=on)) & (Q(ends_on=None) | Q(ends_on__gte=on))
    rules = RewardRule.objects.filter(in_time, status=RuleStatus.ACTIVE).order_by("-priority", "number")
    definitions = (define_rule(rule)[0] for rule in rules)
    return [definition for definition in definitions if definition is not None]


def rules_of_versions(names: list[dict[str, Any]]) -> list[RuleDefinition]:
    """Return the definitions of stored versions, in the order given: what a run decided to use when it began."""
    definitions = []
    for name in names:
        stored = RewardRuleVersion.objects.select_related("rule").get(rule_id=name["rule_id"], version=name["version"])
        rule = RewardRule(rule_id=stored.rule_id, number=stored.rule.number, version=stored.version)
        _apply(rule, stored.content)
        definition, _ = define_rule(rule)
        if definition is not None:
            definitions.append(definition)
    return definitions


def version_content(rule: RewardRule) -> dict[str, Any]:
    """Return what a rule says, as JSON."""
    return {name: _as_json(getattr(rule, name)) for name in CONTENT_FIELDS}


def _as_json(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal | date | datetime) else value


def _normalised(content: Mapping[str, Any]) -> dict[str, Any]:
    given = {ALIASES.get(name, name): value for name, value in content.items()}
    if "is_active" in given:
        is_active = given.pop("is_active")
        if not isinstance(is_active, bool):
            raise RuleInvalidError([Problem("is_active", f"{str(is_active)[:60]!r} is not usable", "true or false")])
        given.setdefault("status", RuleStatus.ACTIVE if is_active else RuleStatus.PAUSED)
    unknown = [name for name in given if name not in (*CONTENT_FIELDS, "status")]
    if unknown:
        known = (*CONTENT_FIELDS, *ALIASES, "status", "is_active")
        raise RuleInvalidError([Problem(str(name)[:60], "unknown key", nearest(str(name), known)) for name in unknown])
    return given


def _apply(rule: RewardRule, content: Mapping[str, Any]) -> None:
    problems = []
    for name, value in content.items():
        try:
            setattr(rule, name, _column_value(name, value))
        except (ValidationError, TypeError, ValueError):
            problems.append(Problem(name, f"{str(value)[:60]!r} is not usable", _column_help(name)))
    if problems:
        raise RuleInvalidError(problems)


def _column_value(name: str, value: Any) -> Any:
    field = RewardRule._meta.get_field(name)
    if name in ("conditions", "reward_config") or (value is None and field.null):
        return value
    if isinstance(value, bool) or (isinstance(value, str) and "\x00" in value):
        raise ValueError(name)
    return field.to_python(str(value) if isinstance(value, float) else value)  # type: ignore[union-attr]


def _column_help(name: str) -> str:
    field = RewardRule._meta.get_field(name)
    return str(getattr(field, "help_text", "") or f"see the field {name}")


def _column_problems(rule: RewardRule) -> list[Problem]:
    try:
        rule.clean_fields(exclude=["conditions", "reward_config", "number"])
    except ValidationError as error:
        return [Problem(name, " ".join(messages), _column_help(name)) for name, messages in error.message_dict.items()]
    if rule.starts_on and rule.ends_on and rule.ends_on < rule.starts_on:
        return [Problem("ends_on", f"{rule.ends_on} is before starts_on {rule.starts_on}", "choose a later day")]
    if not 0 <= rule.holdout_percent <= 100:
        return [Problem("holdout_percent", f"{rule.holdout_percent} is no percentage", "0 to 100")]
    if rule.frequency_max < 1:
        return [Problem("frequency_max", "a rule that may never pay", "1 or more")]
    if rule.frequency_period not in FrequencyPeriod.values:
        return [Problem("frequency_period", "unknown period", "one of " + ", ".join(FrequencyPeriod.values))]
    return _budget_problems(rule)


def _budget_problems(rule: RewardRule) -> list[Problem]:
    budgets = {"daily_budget": rule.daily_budget, "total_budget": rule.total_budget}
    return [
        Problem(name, f"{budget} is no budget", "an amount of money value above 0, or empty for none")
        for name, budget in budgets.items()
        if budget is not None and budget <= 0
    ]


def _reference_problems(rule: RewardRule) -> list[Problem]:
    games = rule.reward_config.get("eligible_games") or []
    known = set(GameCategory.objects.values_list("code", flat=True))
    return [
        Problem(f"reward_config.eligible_games[{index}]", f"unknown game category {game!r}", nearest(str(game), known))
        for index, game in enumerate(games if isinstance(games, list) else [])
        if game not in known
    ]


def _next_number() -> int:
    with connection.cursor() as cursor:
        # Two rules made at once must not get one number.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('reward_rules.number'))")
    return (RewardRule.objects.aggregate(last=Max("number"))["last"] or 0) + 1


def _keep_version(rule: RewardRule, *, saved_by: AbstractBaseUser | None) -> None:
    content = version_content(rule)
    kept, was_made = RewardRuleVersion.objects.get_or_create(
        rule=rule, version=rule.version, defaults={"content": content, "saved_by": saved_by}
    )
    if not was_made and kept.content != content:
        raise ConflictError(f"version {rule.version} of {rule.rule_id} was saved by someone else just now; reload it")

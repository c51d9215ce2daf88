"""Compute again what was not decided: the facts of a day as far as they can be had, and the night's own judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.explaining.judgement import Judgement, judge_one
from rewards.explaining.nodes import Answers, ask_facts
from rewards.explaining.sources import RunFacts
from rewards.facts import fill_facts, needed_columns
from rewards.fields import COLUMNS, TIER_BENEFITS, Field
from rewards.judging import judge_matches
from rewards.live import allocate_in_blocks
from rewards.models import RewardRuleVersion, RuleMatch
from rewards.occasions import Occasion, occasion_of_night
from rewards.rules import active_rules, define_version
from safety.standing import grants_join

# What the histories and the daily rows let a past day be known by.
_RECONSTRUCTED = ("segment", "tier", "risk_score", "bonus_abuse_score")
_FIXED = ("days_since_registration",)
_BENEFITS = tuple(name for name, *_ in TIER_BENEFITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What a rule would decide for a player on a day, and what of that day could not be had any more."""

    version: RewardRuleVersion
    definition: RuleDefinition
    answers: Answers
    judgement: Judgement
    days_from: date | None
    missing: tuple[str, ...]


def recompute(*, player_id: str, rule_id: str, on: date) -> Recomputed:
    """Decide a rule for a player on a business date by the night's phases; nothing is kept.

    The facts are those of the date's night while they are there, else they are taken anew. Raises RuleInvalidError.
    """
    night = _night_with_facts(player_id=player_id, rule_id=rule_id, on=on)
    version, missing = _version_of_night(night, rule_id) if night else _version_on(rule_id, on=on)
    definition = define_version(version)
    with transaction.atomic():
        run = Run.objects.create(kind=RunKind.TEST, business_date=on)
        occasion = occasion_of_night(run_id=run.pk, on=on)
        source = RunFacts(run_id=run.pk, player_id=player_id, on=on)
        if night:
            _copy_facts(night, run_id=run.pk, player_id=player_id)
        else:
            missing += _take_facts(definition, occasion=occasion, player_id=player_id)
        answers = ask_facts(definition, source=source)
        judgement = judge_one(definition, occasion=occasion, source=source)
        transaction.set_rollback(True)
    return Recomputed(
        version=version,
        definition=definition,
        answers=answers,
        judgement=judgement,
        days_from=_days_from(player_id),
        missing=(*missing, *_missing_of_the_past(on)),
    )


def _night_with_facts(*, player_id: str, rule_id: str, on: date) -> Run | None:
    """Return the night of a date where it ran the rule and its facts of the player are still there."""
    night = Run.objects.filter(kind=RunKind.NIGHT, business_date=on).first()
    if night is None or not any(rule["rule_id"] == rule_id for rule in night.parameters.get("rules", [])):
        return None
    kept = fetch_rows("SELECT 1 FROM player_facts WHERE run_id = %s AND player_id = %s", [night.pk, player_id])
    return night if kept else None


def _version_of_night(night: Run, rule_id: str) -> tuple[RewardRuleVersion, tuple[str, ...]]:
    number = next(rule["version"] for rule in night.parameters["rules"] if rule["rule_id"] == rule_id)
    versions = RewardRuleVersion.objects.select_related("rule")
    return versions.get(rule_id=rule_id, version=number), ()


def _version_on(rule_id: str, *, on: date) -> tuple[RewardRuleVersion, tuple[str, ...]]:
    """Return the version that stood at the end of a date; the first one where the rule was saved later."""
    versions = RewardRuleVersion.objects.select_related("rule").filter(rule_id=rule_id)
    then = versions.filter(saved_at__date__lte=on).order_by("-version").first()
    if then is not None:
        return then, ()
    first = versions.order_by("version")[:1].get()
    saved_on = timezone.localdate(first.saved_at)
    return first, (f"the rule was first saved on {saved_on}; shown is what that version says",)


def _copy_facts(night: Run, *, run_id: int, player_id: str) -> None:
    columns = ", ".join(COLUMNS)
    run_statement(
        f"""
        INSERT INTO player_facts (run_id, player_id, as_of, {columns})
        SELECT %s, player_id, as_of, {columns} FROM player_facts WHERE run_id = %s AND player_id = %s
        """,
        [run_id, night.pk, player_id],
    )


def _take_facts(definition: RuleDefinition, *, occasion: Occasion, player_id: str) -> tuple[str, ...]:
    """Fill the player's facts, let the rules before this one take what they would; return what is not that day's."""
    is_past = occasion.on < timezone.localdate()
    ahead = [] if is_past else _rules_ahead(definition, on=occasion.on)
    columns = needed_columns([definition, *ahead])
    fill_facts(run_id=occasion.run_id, on=occasion.on, columns=columns, player_ids=[player_id])
    if is_past:
        _turn_back(occasion, columns=columns)
        return _not_turned_back(definition.fields)
    _allocate_ahead(ahead, occasion=occasion)
    return ()


def _rules_ahead(definition: RuleDefinition, *, on: date) -> list[RuleDefinition]:
    """Return the rules that are decided before this one, where it is in force."""
    rules = active_rules(on=on)
    numbers = [rule.number for rule in rules]
    return rules[: numbers.index(definition.number)] if definition.number in numbers else []


def _allocate_ahead(rules: Sequence[RuleDefinition], *, occasion: Occasion) -> None:
    """Decide the rules that match; the number of statements does not grow with those that do not."""
    match_rules(rules, run_id=occasion.run_id)
    matched = set(RuleMatch.objects.filter(run_id=occasion.run_id).values_list("rule_number", flat=True))
    matching = [rule for rule in rules if rule.number in matched]
    judge_matches(matching, occasion=occasion)
    allocate_in_blocks(matching, occasion=occasion)


def _turn_back(occasion: Occasion, *, columns: Sequence[str]) -> None:
    """Set what the histories know of the day: segment, scores, tier with its benefits, and grants up to it."""
    past = {
        "segment": _PAST_SQL.format(table="player_segment_changes", column="segment"),
        "tier": _PAST_SQL.format(table="player_tier_changes", column="tier"),
        "risk_score": _PAST_SQL.format(table="player_risk_score_changes", column="risk_score"),
        "bonus_abuse_score": _ABUSE_SQL,
    }
    assignments = ", ".join(f"{name} = coalesce({sql}, f.{name})" for name, sql in past.items() if name in columns)
    run_statement(f"UPDATE player_facts f SET {assignments} WHERE f.run_id = %s", [occasion.run_id])
    _forget_later_grants(occasion)
    benefits = ", ".join(f"{name} = {COLUMNS[name].sql}" for name in _BENEFITS if name in columns)
    if benefits:
        of_tier = f"UPDATE player_facts f SET {benefits} FROM tiers t WHERE t.tier_level = f.tier AND f.run_id = %s"
        run_statement(of_tier, [occasion.run_id])


def _forget_later_grants(occasion: Occasion) -> None:
    """Count what was granted up to the day alone: a run of it would count later grants too, but its night had none."""
    of_run = "l.player_id IN (SELECT player_id FROM player_facts WHERE run_id = %s)"
    sql, params = grants_join(occasion.on, in_range=of_run, params=[occasion.run_id], until=occasion.on)
    columns = [name for name, column in COLUMNS.items() if column.source == "grants"]
    sums = ", ".join(f"{name} = n.{name}" for name in columns)
    run_statement(
        f"""
        UPDATE player_facts f SET {sums}
        FROM (SELECT p.run_id, p.player_id, {", ".join(f"g.{name}" for name in columns)} FROM player_facts p {sql}) n
        WHERE n.run_id = f.run_id AND n.player_id = f.player_id AND f.run_id = %s
        """,
        [*params, occasion.run_id],
    )


_PAST_SQL = """(
    SELECT CASE WHEN c.on <= f.as_of THEN c.{column}_after ELSE c.{column}_before END
    FROM {table} c WHERE c.player_id = f.player_id
    ORDER BY c.on <= f.as_of DESC, CASE WHEN c.on <= f.as_of THEN -c.id ELSE c.id END LIMIT 1)"""
# Its history has no "before": whoever has one began with 0.
_ABUSE_SQL = """(
    SELECT CASE WHEN c.on <= f.as_of THEN c.abuse_score_after ELSE 0 END
    FROM player_risk_score_changes c WHERE c.player_id = f.player_id
    ORDER BY c.on <= f.as_of DESC, c.id DESC LIMIT 1)"""


def _not_turned_back(fields: Sequence[Field]) -> tuple[str, ...]:
    """Name the rule's fields that only today's values are known of."""
    known = {*_RECONSTRUCTED, *_FIXED, *_BENEFITS}
    todays = [field.name for field in fields if field.window_days is None and field.name not in known]
    return (f"today's values stand in for that day's: {', '.join(todays)}",) if todays else ()


def _missing_of_the_past(on: date) -> tuple[str, ...]:
    if on >= timezone.localdate():
        return ()
    return (
        "restrictions, policies and the rule's status are today's",
        "what other rules gave in the same night is not counted again",
    )


def _days_from(player_id: str) -> date | None:
    rows = fetch_rows("SELECT days_from FROM player_metrics WHERE player_id = %s", [player_id])
    return rows[0][0] if rows else None

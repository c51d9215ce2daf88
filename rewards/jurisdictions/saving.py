"""A rule against the profiles when it is saved: those it names must allow it, of others it is said where it rests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from players.models import LimitSeverity
from rewards.definitions import RuleDefinition, define_rule
from rewards.jurisdictions.terms import incentive_of
from rewards.models import RewardRule
from rewards.problems import Problem, nearest, shown
from safety.jurisdictions.profiles import Profile, profiles_in_force
from safety.jurisdictions.violations import Games, Violation, known_games, violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a rule stands in one jurisdiction: named by it or not, and what it breaks there from which date on."""

    profile: Profile
    is_named: bool
    is_left_out: bool
    broken: tuple[Violation, ...]
    advice: tuple[Violation, ...]

    @property
    def runs(self) -> bool:
        """Whether players of the jurisdiction may be given it."""
        return not self.is_left_out and not self.broken


def jurisdiction_problems(rule: RewardRule) -> list[Problem]:
    """Return what keeps a rule from being saved: unknown codes, and every limit it breaks where it names itself."""
    profiles = profiles_in_force() if rule.jurisdictions else []
    known = [profile.code for profile in profiles]
    problems = [
        Problem(
            f"jurisdictions[{place}]",
            f"unknown jurisdiction {shown(code)}",
            nearest(code, known) or "one of " + ", ".join(known),
        )
        for place, code in enumerate(rule.jurisdictions)
        if code not in known
    ]
    definition = define_rule(rule)[0] if rule.jurisdictions else None
    if definition is None:
        return problems
    named = [one for one in _standings(rule, definition, profiles, known_games()) if one.is_named]
    return problems + [_problem(rule, broken) for one in named for broken in one.broken]


def jurisdiction_warnings(rule: RewardRule) -> list[str]:
    """Return in words where a rule will not run although it does not say so, and what is advised against."""
    return [warning for one in standings(rule) for warning in _warnings(one)]


def standings(rule: RewardRule) -> list[Standing]:
    """Return how a rule stands in every jurisdiction; empty where it cannot be read."""
    return standings_in(rule, profiles=profiles_in_force(), games=known_games())


def standings_in(rule: RewardRule, *, profiles: Sequence[Profile], games: Games) -> list[Standing]:
    """Return how a rule stands in the jurisdictions given; `games` as `known_games` returns them."""
    definition = define_rule(rule)[0]
    return [] if definition is None else _standings(rule, definition, profiles, games)


def _standings(
    rule: RewardRule, definition: RuleDefinition, profiles: Sequence[Profile], games: Games
) -> list[Standing]:
    incentive = incentive_of(definition, games=games)

    def broken(profile: Profile, severity: LimitSeverity) -> tuple[Violation, ...]:
        found = {
            one.limit.kind: one
            for on in _dates(rule, profile)
            for one in violations(incentive, profile=profile, on=on, games=games, severity=severity)
        }
        return tuple(found.values())

    return [
        Standing(
            profile=profile,
            is_named=profile.code in rule.jurisdictions,
            is_left_out=bool(rule.jurisdictions) and profile.code not in rule.jurisdictions,
            broken=broken(profile, LimitSeverity.BINDING),
            advice=broken(profile, LimitSeverity.ADVISORY),
        )
        for profile in profiles
    ]


def _dates(rule: RewardRule, profile: Profile) -> list[date]:
    """Return the dates from today on at which what binds the rule in its life can change."""
    first = max(timezone.localdate(), rule.starts_on or date.min)
    last = rule.ends_on or date.max
    return sorted({first, *(one.valid_from for one in profile.limits if first < one.valid_from <= last)})


def _warnings(standing: Standing) -> Iterator[str]:
    if standing.is_left_out:
        return
    if standing.broken:
        said = "; ".join(f"{one.message} ({one.limit.clause}); {one.suggestion}" for one in standing.broken)
        yield f"Players of {standing.profile.name} will not be given it: {said}."
    for one in standing.advice:
        yield f"{standing.profile.name} advises against it: {one.message} ({one.limit.clause}); {one.suggestion}."


def _problem(rule: RewardRule, broken: Violation) -> Problem:
    key = broken.key
    if key == "amount" and not rule.reward_config.get("amount"):
        key = "max_amount"
    since = f" from {broken.limit.valid_from} on" if broken.limit.valid_from > timezone.localdate() else ""
    message = f"{broken.message} in {broken.jurisdiction}{since} ({broken.limit.clause})"
    return Problem(f"reward_config.{key}", message, f"{broken.suggestion}; or take {broken.jurisdiction} out")

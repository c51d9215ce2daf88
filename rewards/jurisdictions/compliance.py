"""Rules against profiles over time: which active rules break one, and what happens to them when a profile changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from players.models import LimitKind
from rewards.jurisdictions.saving import Standing, standings_in
from rewards.models import RewardRule, RuleStatus
from rewards.policies import JURISDICTION_VIOLATIONS, PAUSE
from rewards.rule_life.stopping import pause_rule
from safety.jurisdictions.changing import accept_profile
from safety.jurisdictions.granting import matrix_refuses_harm
from safety.jurisdictions.profiles import Profile, profiles_in_force
from safety.jurisdictions.violations import Violation, known_games
from safety.models import JurisdictionProfile

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakingRule:
    """An active rule and what it breaks of one profile: it names that, or else it only skips the players there."""

    rule: RewardRule
    profile: Profile
    is_named: bool
    broken: tuple[Violation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What accepting a profile brought about: the active rules that break it now, and which of them were paused."""

    profile: JurisdictionProfile
    breaking: list[BreakingRule]
    paused: list[str]


def breaking_rules(*, code: str | None = None) -> list[BreakingRule]:
    """Return the active rules that break a profile, or the named one, by rule and profile; those that name it first."""
    profiles = [profile for profile in profiles_in_force() if code in (None, profile.code)]
    rules = RewardRule.objects.filter(status=RuleStatus.ACTIVE).order_by("rule_id")
    games = known_games()
    found = [one for rule in rules for one in _broken_by(rule, standings_in(rule, profiles=profiles, games=games))]
    return sorted(found, key=lambda one: not one.is_named)


def _broken_by(rule: RewardRule, standing: Iterable[Standing]) -> Iterable[BreakingRule]:
    for one in standing:
        if one.broken and not one.is_left_out:
            yield BreakingRule(rule=rule, profile=one.profile, is_named=one.is_named, broken=one.broken)


def weakened_profiles() -> list[str]:
    """Return in words which profiles ask for more of the restriction matrix than it does.

    Their players are protected by rules, credits by hand and the guard of the lots all the same.
    """
    if matrix_refuses_harm():
        return []
    asking = [
        profile
        for profile in profiles_in_force()
        if any(limit.kind == LimitKind.HARM_BLOCKS_PROMOTION for limit in profile.limits)
    ]
    return [
        f"{profile.name} forbids promotions on strong indicators of harm, but the restriction RG_HARM does not refuse "
        "them"
        for profile in asking
    ]


@transaction.atomic
def accept_jurisdiction(*, profile_id: int, by: User, note: str = "", at: datetime | None = None) -> Accepted:
    """Let a proposed profile hold from now on, and look at every active rule again.

    Rules that name it and break it now are paused where JURISDICTION_VIOLATIONS is PAUSE; by default they go on for
    everybody else and skip the jurisdiction's players. Raises what `accept_profile` raises.
    """
    profile = accept_profile(profile_id=profile_id, by=by, note=note, at=at)
    breaking = breaking_rules(code=profile.code)
    paused = []
    if JURISDICTION_VIOLATIONS.value() == PAUSE:
        for one in breaking:
            if one.is_named:
                reason = f"Breaks {profile} of {one.profile.name}: {one.broken[0].message}"
                pause_rule(rule_id=one.rule.pk, reason=reason[:200], by=by, at=at)
                paused.append(one.rule.pk)
    return Accepted(profile=profile, breaking=breaking, paused=paused)

"""Revoking a rule: what is unspent of its rewards is taken back by counter-entries; what was spent stays spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from core.errors import NotFoundError
from core.models import Run, RunKind
from core.runs import (
    ChunkContext,
    Counts,
    Step,
    execute_steps,
    finish_run,
    ranges_between,
    recorded_failure,
    step_counts,
)
from rewards.issuing import close_ended_rewards
from rewards.models import RewardRule, RuleAct
from rewards.rule_life.events import record_event
from wallet.corrections import REASON_LENGTH_MAX
from wallet.postings import check_text_field
from wallet.taking_back import GivenByRule, edges_of_rule, given_by_rule, take_back_rule

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LOTS_PER_CHUNK = 5_000
_STEP = "take back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What revoking a rule would take back, by currency, and whether the rule could go on giving meanwhile."""

    rule_id: str
    since: date | None
    is_active: bool
    given: list[GivenByRule]

    @property
    def lots_left(self) -> int:
        """How many rewards hold something that can be taken."""
        return sum(line.lots_left for line in self.given)


def preview_revocation(*, rule_id: str, since: date | None = None) -> Revocation:
    """Return what revoking would take back now; nothing is written. Raises NotFoundError."""
    rule = _rule(rule_id)
    given = given_by_rule(rule_number=rule.number, since=since)
    return Revocation(rule_id=rule_id, since=since, is_active=bool(rule.is_active), given=given)


def revoke_rule(*, rule_id: str, since: date | None = None, reason: str, by: User, at: datetime | None = None) -> Run:
    """Take back what is unspent of a rule's rewards, those granted from the business date `since` on; return the run.

    Works in chunks, each a transaction of its own, so it must not run inside one that should be short. A second run
    takes nothing; one that was cut off has taken what its chunks had done, and the next takes the rest. What the
    rewards counted for its budgets stays counted. Raises NotFoundError and InvalidInputError.
    """
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    rule = _rule(rule_id)
    at = at or timezone.now()
    parameters = {"rule_id": rule_id, "since": since.isoformat() if since else None, "reason": reason}
    run = Run.objects.create(
        kind=RunKind.REVOCATION, business_date=timezone.localdate(at), parameters=parameters, started_by=by
    )
    edges = edges_of_rule(rule_number=rule.number, since=since, lots_per_chunk=LOTS_PER_CHUNK)

    def take_back(chunk: ChunkContext) -> Counts:
        return _take_back(chunk, rule, since=since, reason=reason, actor=by.get_username())

    with recorded_failure(run):
        execute_steps(run, [Step(name=_STEP, work=take_back, ranges=lambda _: ranges_between(edges))])
        counts = step_counts(run)[_STEP]
        if finish_run(run, counts):
            told = {name.replace(" ", "_"): count for name, count in counts.items()}
            before = rule.status
            record_event(rule, RuleAct.REVOKED, at=at, by=by, status_before=before, reason=reason, run=run.pk, **told)
    return run


def _take_back(chunk: ChunkContext, rule: RewardRule, *, since: date | None, reason: str, actor: str) -> Counts:
    counts = take_back_rule(
        rule_number=rule.number,
        since=since,
        reason=reason,
        actor=actor,
        at=chunk.at,
        run_id=chunk.run.pk,
        keys=chunk.keys,
    )
    close_ended_rewards(since=chunk.at, keys=chunk.keys)
    return counts


def _rule(rule_id: str) -> RewardRule:
    rule = RewardRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    return rule

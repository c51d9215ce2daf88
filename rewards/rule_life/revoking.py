"""Revoking a rule: what is unspent of its rewards is taken back by counter-entries; what was spent stays spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from core.errors import NotFoundError
from core.models import Run, RunChunk, RunKind, RunStatus
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


def ask_revocation(*, rule_id: str, since: date | None = None, reason: str, by: User, at: datetime) -> Run:
    """Keep that what is unspent of a rule's rewards shall be taken back, those granted from `since` on; return the run.

    `run_revocation` does it. Raises NotFoundError and InvalidInputError.
    """
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    rule = _rule(rule_id)
    edges = edges_of_rule(rule_number=rule.number, since=since, lots_per_chunk=LOTS_PER_CHUNK)
    return Run.objects.create(
        kind=RunKind.REVOCATION,
        business_date=timezone.localdate(at),
        status=RunStatus.PENDING,
        parameters={
            "rule_id": rule_id,
            "since": since.isoformat() if since else None,
            "reason": reason,
            "edges": edges,
        },
        started_by=by,
    )


def run_revocation(run_id: int) -> Run:
    """Take back what a revocation asks for; return it finished. One that is done is returned as it is.

    Works in chunks, each a transaction of its own, so it must not run inside one that should be short. One that was cut
    off goes on with the chunks that are left. Another run for the same rewards takes nothing. What the rewards counted
    for the rule's budgets stays counted. Raises NotFoundError.
    """
    run = Run.objects.select_related("started_by").filter(pk=run_id, kind=RunKind.REVOCATION).first()
    if run is None:
        raise NotFoundError(f"there is no revocation {run_id}", run_id=run_id)
    if run.status == RunStatus.SUCCEEDED:
        return run
    Run.objects.filter(pk=run_id).exclude(status=RunStatus.SUCCEEDED).update(status=RunStatus.RUNNING, error="")
    rule = _rule(run.parameters["rule_id"])
    step = Step(
        name=_STEP,
        work=lambda chunk: _take_back(chunk, rule),
        ranges=lambda run: ranges_between(run.parameters["edges"]),
    )
    with recorded_failure(run):
        execute_steps(run, [step])
        counts = step_counts(run)[_STEP]
        if finish_run(run, counts):
            _record(run, rule, counts)
    return run


def _record(run: Run, rule: RewardRule, counts: Counts) -> None:
    told = {name.replace(" ", "_"): count for name, count in counts.items()}
    status, reason, at = rule.status, run.parameters["reason"], timezone.now()
    record_event(
        rule, RuleAct.REVOKED, at=at, by=run.started_by, status_before=status, reason=reason, run=run.pk, **told
    )


def _take_back(chunk: ChunkContext, rule: RewardRule) -> Counts:
    asked = chunk.run.parameters
    counts = take_back_rule(
        rule_number=rule.number,
        since=date.fromisoformat(asked["since"]) if asked["since"] else None,
        reason=asked["reason"],
        actor=chunk.run.started_by.get_username() if chunk.run.started_by else "",
        at=chunk.at,
        run_id=chunk.run.pk,
        keys=chunk.keys,
    )
    close_ended_rewards(since=chunk.at, keys=chunk.keys)
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationProgress:
    """How far a revocation is: what its finished chunks have taken back, and how many of the chunks those are."""

    run: Run
    chunks: int
    chunks_done: int
    counts: Counts

    @property
    def is_open(self) -> bool:
        """Whether more may still be taken back."""
        return self.run.status in (RunStatus.PENDING, RunStatus.RUNNING)

    @property
    def lots(self) -> int:
        """How many rewards something was taken back of."""
        return self.counts.get("lots taken back", 0)

    @property
    def players(self) -> int:
        """From how many players."""
        return self.counts.get("players", 0)

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        return 100 if self.run.status == RunStatus.SUCCEEDED else 100 * self.chunks_done // self.chunks


def revocation_progress(*, rule_id: str, run_id: int) -> RevocationProgress:
    """Return how far a revocation of a rule is. Raises NotFoundError."""
    runs = Run.objects.filter(kind=RunKind.REVOCATION, parameters__rule_id=rule_id)
    run = runs.select_related("started_by").filter(pk=run_id).first()
    if run is None:
        raise NotFoundError(f"there is no revocation {run_id} of {rule_id!r}", rule_id=rule_id, run_id=run_id)
    done = RunChunk.objects.filter(step__run=run, is_done=True).count()
    chunks = len(run.parameters["edges"]) + 1
    return RevocationProgress(run=run, chunks=chunks, chunks_done=done, counts=step_counts(run).get(_STEP, {}))


def _rule(rule_id: str) -> RewardRule:
    rule = RewardRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    return rule

"""VIP perks: nothing is booked; a person approves what a rule decided, and a person hands it over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import ConflictError, NotFoundError
from core.expressions import run_statement
from players.models import CreditPurpose
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.models import PerkStatus, PerkTask, RewardCurrency, RewardHistory, RewardStatus, RewardType
from rewards.occasions import Occasion
from safety.jurisdictions.granting import refused_grant
from safety.jurisdictions.violations import Incentive
from safety.vip_approvals import check_vip_approval
from wallet.ledger import ACTOR_LENGTH_MAX, JurisdictionLimitError, PlayerRestrictedError, lock_players
from wallet.postings import check_text_field
from wallet.restrictions import refusing_restriction

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOTE_LENGTH_MAX = 500


class PerkStatusError(ConflictError):
    """Raised when a perk is in a status from which the step does not lead on; `details` carries the status."""

    code = "perk_status"


def open_perk_tasks(rules: Sequence[RuleDefinition], *, occasion: Occasion, at: datetime, keys: Scope) -> None:
    """Make a task that waits for approval of every perk just decided in the range."""
    in_range, params = keys.condition("a.player_id")
    perks = [{"rule_number": rule.number, "perk": rule.reward.perk} for rule in rules]
    run_statement(
        f"""
        INSERT INTO perk_tasks (player_id, rule_id, decision_id, run_id, perk, amount, status, created_at)
        SELECT d.player_id, r.rule_id, d.id, a.run_id, coalesce(nullif(t.perk, ''), r.name),
               d.amount_computed, 'WAITING_APPROVAL', %s
        FROM rule_allocations a
        JOIN jsonb_to_recordset(%s::jsonb) t (rule_number integer, perk text) ON t.rule_number = a.rule_number
        JOIN reward_decisions d ON d.id = a.decision_id
        JOIN reward_rules r ON r.number = a.rule_number
        WHERE a.run_id = %s AND a.reason = 'NEEDS_APPROVAL' AND {in_range}
        ON CONFLICT (decision_id) DO NOTHING
        """,
        [at, json.dumps(perks), occasion.run_id, *params],
    )


def approve_perk(*, task_id: int, actor: str, note: str = "", at: datetime | None = None) -> PerkTask:
    """Approve a perk, so that it may be handed over; `note` is for whoever does, at most 500 characters.

    Raises NotFoundError, PerkStatusError unless it waits for approval, PlayerRestrictedError, VipApprovalNeededError,
    JurisdictionLimitError and InvalidInputError.
    """
    at = at or timezone.now()
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        task = _locked_task(task_id, wanted=(PerkStatus.WAITING_APPROVAL,), step="approved")
        _check_restrictions(task, at=at)
        _claim(task, PerkStatus.OPEN, approved_by=actor, approved_at=at, approval_note=note)
    return task


def complete_perk(*, task_id: int, actor: str, note: str, at: datetime | None = None) -> PerkTask:
    """Mark an approved perk as handed over; `note` says how, 1 to 500 characters. It is then a reward given.

    Raises what `approve_perk` raises.
    """
    at = at or timezone.now()
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX, is_needed=True)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        task = _locked_task(task_id, wanted=(PerkStatus.OPEN,), step="handed over")
        _check_restrictions(task, at=at)
        _claim(task, PerkStatus.DONE, closed_by=actor, closed_at=at, note=note)
        RewardHistory.objects.create(
            player_id=task.player_id,
            rule_id=task.rule_id,
            reward_type=RewardType.VIP_PERKS,
            amount=task.amount,
            currency_type=RewardCurrency.PERK,
            status=RewardStatus.COMPLETED,
            issued_at=at,
            completed_at=at,
            metadata={"perk": task.perk, "perk_task_id": task.pk},
            decision_id=task.decision_id,
            run_id=task.run_id,
        )
    return task


def refuse_perk(*, task_id: int, actor: str, note: str, at: datetime | None = None) -> PerkTask:
    """Refuse a perk that was not handed over yet; `note` says why. It counts for the rule's limits all the same.

    Raises NotFoundError, PerkStatusError and InvalidInputError.
    """
    at = at or timezone.now()
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX, is_needed=True)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        task = _locked_task(task_id, wanted=(PerkStatus.WAITING_APPROVAL, PerkStatus.OPEN), step="refused")
        _claim(task, PerkStatus.REFUSED, closed_by=actor, closed_at=at, note=note)
    return task


def assign_perk(*, task_id: int, assigned_to: User | None) -> PerkTask:
    """Say who is to hand a perk over. Raises NotFoundError, and PerkStatusError for one that is closed."""
    with transaction.atomic():
        task = _locked_task(task_id, wanted=(PerkStatus.WAITING_APPROVAL, PerkStatus.OPEN), step="assigned")
        task.assigned_to = assigned_to
        task.save(update_fields=["assigned_to"])
    return task


def _locked_task(task_id: int, *, wanted: tuple[PerkStatus, ...], step: str) -> PerkTask:
    """Return a task with its player locked. Raises NotFoundError and PerkStatusError."""
    found = PerkTask.objects.filter(pk=task_id).values_list("player_id", flat=True).first()
    if found is None:
        raise NotFoundError(f"there is no perk {task_id}", task_id=task_id)
    lock_players([found])
    task = PerkTask.objects.get(pk=task_id)
    if task.status not in wanted:
        needed = " or ".join(wanted)
        raise PerkStatusError(
            f"perk {task_id} is {task.status}: only one that is {needed} can be {step}", status=task.status
        )
    return task


def _claim(task: PerkTask, status: PerkStatus, **fields: object) -> None:
    """Take a task on to a status by an update that must change exactly one row. Raises PerkStatusError."""
    if PerkTask.objects.filter(pk=task.pk, status=task.status).update(status=status, **fields) != 1:
        raise PerkStatusError(f"perk {task.pk} is not {task.status} any more", status=task.status)
    task.refresh_from_db(fields=["status", *fields])


def _check_restrictions(task: PerkTask, *, at: datetime) -> None:
    restriction = refusing_restriction(player_id=task.player_id, purpose=CreditPurpose.PROMOTION, at=at)
    if restriction:
        raise PlayerRestrictedError(
            f"player {task.player_id} is restricted ({restriction}): refuse the perk",
            player_id=task.player_id,
            restriction=restriction,
        )
    on = timezone.localdate(at)
    check_vip_approval(task.player_id, on=on)
    # The caps counted it when it was decided, and so did the month.
    perk = Incentive(reward_type=RewardType.VIP_PERKS, is_bonus_money=False)
    refused = refused_grant(perk, player_id=task.player_id, value=Decimal(0), on=on)
    if refused:
        raise JurisdictionLimitError(
            f"player {task.player_id}: {refused.says}; refuse the perk", player_id=task.player_id, **refused.details
        )

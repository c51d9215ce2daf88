"""What safety refused, kept as a list for who watches over it: of rules set-based, of credits by hand one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from core.expressions import run_statement
from safety.models import SafetyViolation, ViolationPath
from safety.policies import SAFETY_VIOLATION_DAYS

# Reasons of refused rewards that are safety's: everything else is the rule's own limits.
VIOLATION_CODES = (
    "RESTRICTED",
    "ABUSE_REVIEW",
    "ABUSE_CONFIRMED",
    "ABUSE_CUT",
    "COST_UNKNOWN",
    "MARGIN_UNKNOWN",
    "UNPROFITABLE",
    "CAP",
    "RULE_GUARD",
    "POOL_CAP",
)
_BATCH_ROWS = 50_000


def record_violation(
    *,
    player_id: str,
    code: str,
    path: ViolationPath,
    on: date,
    figures: Mapping[str, Any],
    amount: Decimal | None = None,
    operation_key: str = "",
    actor: str = "",
    is_refused: bool = True,
) -> SafetyViolation:
    """Keep that a credit was refused, or would have been; figures with exact numbers as text."""
    return SafetyViolation.objects.create(
        player_id=player_id,
        code=code,
        path=path,
        on=on,
        figures=dict(figures),
        amount=amount,
        operation_key=operation_key,
        actor=actor,
        is_refused=is_refused,
    )


def recorded_violations_sql(*, decided: str) -> str:
    """Return an INSERT of the violations among new decisions, to stand as a CTE of the statement that writes them.

    `decided` names a relation of player_id, rule_number, id, reason, reasons, verdict, amount_computed, first_on and
    decided_at.
    """
    codes = ", ".join(f"'{code}'" for code in VIOLATION_CODES)
    return f"""
        INSERT INTO safety_violations
            (player_id, "on", at, path, code, rule_number, decision_id, amount, figures)
        SELECT v.player_id, v.first_on, v.decided_at, '{ViolationPath.RULE}', v.reason, v.rule_number, v.id,
               v.amount_computed, coalesce(v.reasons -> 0, '{{}}')
        FROM {decided} v WHERE v.reason IN ({codes}) AND v.verdict IN ('REJECTED', 'PENDING_REVIEW')"""


def forget_old_violations(*, today: date | None = None) -> int:
    """Delete the violations that are kept no longer, in batches; return how many."""
    before = (today or timezone.localdate()) - timedelta(days=SAFETY_VIOLATION_DAYS.value())
    deleted = 0
    while batch := run_statement(
        """
        DELETE FROM safety_violations WHERE id IN (
            SELECT id FROM safety_violations WHERE "on" < %s ORDER BY id LIMIT %s)
        """,
        [before, _BATCH_ROWS],
    ):
        deleted += batch
    return deleted

"""Restrict players and undo it, with what that means for their bonuses, in one transaction and under their lock.

The rows are kept on the floor below; whoever restricts goes through here.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows
from core.runs import ALL_KEYS, Counts, KeyRange, Keys, ranges_between
from players.models import LiftRequest, PlayerRestriction
from players.restrictions import ending
from players.restrictions.due import edges_of_unapplied, lock_unapplied, mark_applied, refresh_blocked
from players.restrictions.ending import restriction_of
from players.restrictions.imposing import Wanted, Word, impose_restriction
from players.restrictions.register import RegisterList, import_register
from wallet.bonus_life import settle_lots
from wallet.ledger import lock_players
from wallet.policies import BONUS_OF_RESTRICTED
from wallet.postings import posting_row

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ACTOR = "restrictions"
_PLAYERS_PER_CHUNK = 5000
# Of several restrictions that take effect at once the first to cancel is named. `x` is what has to end. A bonus whose
# requirement is met is the player's real money, though it may wait until it is known who they are: that is not touched.
_ENDING_SQL = """
    SELECT l.id, l.player_id, l.remaining, l.open_bets, x.id AS restriction_id, x.kind
    FROM wallet_lots l
    JOIN (
        SELECT DISTINCT ON (r.player_id) r.player_id, r.id, r.kind FROM player_restrictions r
        WHERE r.applied_at IS NULL AND r.starts_at <= %s AND (r.ends_at IS NULL OR r.ends_at > %s)
          AND r.kind = ANY (%s) AND {restrictions_in_range}
        ORDER BY r.player_id, r.id
    ) x ON x.player_id = l.player_id
    WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE')
      AND NOT (l.wagering_required > 0 AND l.wagering_completed >= l.wagering_required AND l.remaining > 0)
"""
_WHY = "'Cancelled: ' || lower(replace(l.kind, '_', ' ')) || ', restriction ' || l.restriction_id"
_POSTING = posting_row(
    operation_key="'restricted:' || l.restriction_id || ':' || l.id",
    operation_kind="'CANCEL_RESTRICTED'",
    input_hash="sha256(convert_to('restricted:' || l.restriction_id || ':' || l.id, 'UTF8'))",
    account_key="l.player_id",
    purpose="'EXPIRY'",
    transaction_type="'BONUS_CANCELLED'",
    currency_type="'BONUS'",
    amount="-l.remaining",
    lot_id="l.id",
    lot_status_after="'CANCELLED'",
    end_reason=_WHY,
    description=_WHY,
    reference_id="'restriction:' || l.restriction_id",
)
_CANCEL_SQL = """
    WITH ending AS MATERIALIZED ({ending}),
    emptied AS (
        UPDATE wallet_lots l SET status = 'CANCELLED', end_reason = {why_of_ending}, ended_by = %s, closed_at = %s
        FROM ending e WHERE l.id = e.id AND e.remaining = 0
        RETURNING l.id, l.player_id, 0::numeric AS amount
    ),
    posted AS MATERIALIZED (
        SELECT * FROM wallet_post(
            (SELECT array_agg({posting} ORDER BY l.player_id, l.id) FROM ending l WHERE l.remaining > 0), %s, %s, %s)
        WHERE outcome = 'POSTED'
    ),
    cancelled AS (
        SELECT p.lot_id, p.account_key AS player_id, -p.amount AS amount FROM posted p
        UNION ALL SELECT id, player_id, amount FROM emptied
    ),
    told AS (
        INSERT INTO outbox_events (topic, key, payload)
        SELECT 'bonus.cancelled', 'bonus.cancelled:' || c.lot_id,
               jsonb_build_object('player_id', c.player_id, 'bonus_id', c.lot_id, 'amount', c.amount::text,
                                  'restriction_id', e.restriction_id)
        FROM cancelled c JOIN ending e ON e.id = c.lot_id
    )
    SELECT (SELECT count(*) FROM cancelled), ARRAY(SELECT DISTINCT player_id FROM emptied)
"""


@transaction.atomic
def restrict_player(
    *,
    player_id: str,
    kind: str,
    word: Word,
    starts_at: datetime | None = None,
    until: datetime | None = None,
    external_reference: str = "",
    at: datetime | None = None,
) -> PlayerRestriction:
    """Restrict a player from a time on, now by default, until another or until lifted; return the restriction.

    Taking effect at once, it does to their bonuses what the policy of its kind says, in the same transaction. Raises
    NotFoundError and the errors of `impose_restriction`; then nothing is written.
    """
    at = at or timezone.now()
    lock_players([player_id])
    wanted = Wanted(
        player_id=player_id,
        kind=kind,
        starts_at=at if starts_at is None else starts_at,
        until=until,
        external_reference=external_reference,
    )
    restriction = impose_restriction(wanted, word=word, at=at)
    apply_started(at=at, keys=KeyRange.holding(player_id), actor=word.actor)
    restriction.refresh_from_db()
    return restriction


@transaction.atomic
def move_restriction_end(
    *, restriction_id: int, until: datetime | None, word: Word, at: datetime | None = None
) -> PlayerRestriction:
    """Let a restriction hold until another time, None for until lifted. Raises the errors of `move_end`."""
    at = at or timezone.now()
    _lock_owner(restriction_id)
    return ending.move_end(restriction_id, until=until, word=word, at=at)


@transaction.atomic
def lift_restriction(*, restriction_id: int, word: Word, at: datetime | None = None) -> PlayerRestriction:
    """End now what one person may end; what was kept of bonuses goes on. Raises the errors of `ending`'s."""
    at = at or timezone.now()
    player_id = _lock_owner(restriction_id)
    lifted = ending.lift_restriction(restriction_id, word=word, at=at)
    settle_lots([player_id], at=at)
    return lifted


@transaction.atomic
def ask_to_lift(*, restriction_id: int, word: Word, at: datetime | None = None) -> LiftRequest:
    """Note a wish to lift what takes two people. Raises the errors of `ending.ask_to_lift`."""
    _lock_owner(restriction_id)
    return ending.ask_to_lift(restriction_id, word=word, at=at or timezone.now())


@transaction.atomic
def ask_to_correct(
    *, restriction_id: int, right_restriction_id: int | None, word: Word, at: datetime | None = None
) -> LiftRequest:
    """Note that a restriction was entered for the wrong player. Raises the errors of `ending.ask_to_correct`."""
    _lock_owner(restriction_id)
    return ending.ask_to_correct(
        restriction_id, right_restriction_id=right_restriction_id, word=word, at=at or timezone.now()
    )


@transaction.atomic
def decide_lift(
    *, restriction_id: int, is_granted: bool, note: str, by: User, at: datetime | None = None
) -> PlayerRestriction:
    """Grant or refuse a wish to lift or to correct, as the second person. Raises the errors of `ending.decide_lift`."""
    at = at or timezone.now()
    player_id = _lock_owner(restriction_id)
    decided = ending.decide_lift(restriction_id, is_granted=is_granted, note=note, by=by, at=at)
    settle_lots([player_id], at=at)
    return decided


def import_restrictions(register: RegisterList, *, at: datetime | None = None) -> Counts:
    """Restrict the players of a list and let what has begun take effect; return the counts.

    The list is stored in one transaction, and refused from then on; the bonuses follow in chunks. Raises the errors of
    `import_register`; then nothing is stored.
    """
    at = at or timezone.now()
    summary = asdict(import_register(register, at=at))
    return {**summary, **apply_due_restrictions(at=at)}


def apply_due_restrictions(*, at: datetime | None = None) -> Counts:
    """Let every restriction take effect whose time has come, chunk by chunk; return the counts.

    Each chunk of players is a transaction of its own and can be redone. `is_blocked` then follows those that began or
    ended.
    """
    at = at or timezone.now()
    counts: Counts = {"restrictions": 0, "bonuses cancelled": 0}
    for keys in ranges_between(edges_of_unapplied(at=at, players_per_chunk=_PLAYERS_PER_CHUNK)):
        for name, count in apply_started(at=at, keys=keys).items():
            counts[name] += count
    with transaction.atomic():
        counts["players blocked or unblocked"] = refresh_blocked()
    return counts


@transaction.atomic
def apply_started(*, at: datetime, keys: Keys = ALL_KEYS, actor: str = ACTOR, run_id: int | None = None) -> Counts:
    """Let the restrictions of some players begin: cancel bonuses where their policy says so, note it."""
    if not lock_unapplied(at=at, keys=keys):
        return {"restrictions": 0, "bonuses cancelled": 0}
    cancelled = _cancel_bonuses(at=at, keys=keys, actor=actor, run_id=run_id)
    return {"restrictions": mark_applied(at=at, actor=actor, keys=keys), "bonuses cancelled": cancelled}


def _cancel_bonuses(*, at: datetime, keys: Keys, actor: str, run_id: int | None) -> int:
    kinds = [kind for kind, policy in BONUS_OF_RESTRICTED.items() if policy.value() == "CANCEL"]
    in_range, params = keys.condition("r.player_id")
    sql = _CANCEL_SQL.format(
        ending=_ENDING_SQL.format(restrictions_in_range=in_range),
        why_of_ending=_WHY.replace("l.", "e."),
        posting=_POSTING,
    )
    chosen = [at, at, kinds, *params]
    cancelled, owners_of_emptied = fetch_rows(sql, [*chosen, actor, at, at, actor, run_id])[0]
    # What was posted is settled by the core already.
    if owners_of_emptied:
        settle_lots(owners_of_emptied, at=at)
    return int(cancelled)


def _lock_owner(restriction_id: int) -> str:
    player_id = restriction_of(restriction_id).player_id
    lock_players([player_id])
    return player_id

"""Render the posting core for the tables of one ledger.

The core knows accounts, not players: whoever has an owner table to lock, a balance row per account and tables named
`<prefix>_operations`, `_lots`, `_lot_movements` and `_refusals` can install it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from players.models import CreditPurpose

_POSTING_FILES = Path(__file__).parent / "sql" / "posting"
# Nothing is credited for a purpose that takes: who adds by one is asked what an addition is asked.
_ASKED_PURPOSE = """CASE WHEN p.amount > 0 AND p.purpose IN ('ADJUSTMENT', 'SPEND', 'BET', 'EXPIRY')
                         THEN 'ADDITION' ELSE p.purpose END"""
# Operations are stamped with the time they began: what was imposed while one waited for the lock holds for it as well.
_RESTRICTION_JOIN = f"""
        LEFT JOIN LATERAL (
            SELECT min(r.kind) FILTER (WHERE e.effect = 'REFUSE') AS refusing,
                   min(r.kind) FILTER (WHERE e.effect = 'MARK') AS marking
            FROM player_restrictions r
            JOIN restriction_effects e ON e.kind = r.kind AND e.purpose = {_ASKED_PURPOSE}
            WHERE r.player_id = p.account_key AND r.starts_at <= greatest(posted_at, clock_timestamp())
              AND (r.ends_at IS NULL OR r.ends_at > posted_at)
        ) x ON true
        LEFT JOIN LATERAL (
            SELECT unmet_requirement(u.age, u.kyc_completed_at, q.needs_kyc, q.minimum_age,
                                     q.allows_unknown_age) AS unmet
            FROM credit_requirements q JOIN players u ON u.player_id = p.account_key
            WHERE q.purpose = {_ASKED_PURPOSE} AND (q.needs_kyc OR q.minimum_age IS NOT NULL) LIMIT 1
        ) y ON true"""
# Whether any of that can hold for the account at all.
_RESTRICTION_GUARD = """(EXISTS (SELECT 1 FROM player_restrictions r WHERE r.player_id = p.account_key)
                OR EXISTS (SELECT 1 FROM credit_requirements q WHERE q.needs_kyc OR q.minimum_age IS NOT NULL))"""
# What waits for its day or turn does not become spendable while its owner could not claim it either. What has taken
# effect has begun by the clock: asking the clock itself would keep this from being planned with the query around it.
_WAKING_GUARD = """
     AND NOT EXISTS (
         SELECT 1 FROM player_restrictions r JOIN restriction_effects e ON e.kind = r.kind
         WHERE r.player_id = owner_key AND e.purpose = 'REDEMPTION' AND e.effect = 'REFUSE'
           AND (r.applied_at IS NOT NULL OR r.starts_at <= due_at) AND (r.ends_at IS NULL OR r.ends_at > due_at))
     AND NOT EXISTS (
         SELECT 1 FROM credit_requirements q JOIN players u ON u.player_id = owner_key
         WHERE q.purpose = 'REDEMPTION' AND (q.needs_kyc OR q.minimum_age IS NOT NULL)
           AND unmet_requirement(u.age, u.kyc_completed_at, q.needs_kyc, q.minimum_age,
                                 q.allows_unknown_age) IS NOT NULL)"""
# Plans are cached per session and may be made while a table is still empty; a scan chosen then would read the whole
# ledger for every posting later. Every join of the core is a lookup by key, so that is the only plan left.
_PLANNER = """SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off"""
# A tier counts what was credited, less what was credited by mistake; spending and refunds leave it alone.
_EARNING = """{alias}.currency_type = 'LP' AND ({alias}.purpose = 'REVERSAL' OR {alias}.amount > 0
                       AND {alias}.purpose IN ('EARNED', 'PROMOTION', 'OPENING', 'ADJUSTMENT'))"""
# Credits only add to what is derived from the active bonus lots.
_BONUS_SETS = """bonus_wagering_required = b.bonus_wagering_required + s.wagering_required,
            bonus_expiry = least(b.bonus_expiry, s.expires_at),
            bonus_max_bet = least(b.bonus_max_bet, s.max_bet),
            bonus_eligible_games = CASE
                WHEN s.has_bonus AND (
                    SELECT true FROM wallet_lots q
                    WHERE q.player_id = b.player_id AND q.currency_type = 'BONUS' AND q.status IN ('PENDING', 'ACTIVE')
                      AND q.status = 'ACTIVE' AND coalesce(q.expires_at <= s.expires_at, s.expires_at IS NULL) LIMIT 1
                ) IS NULL THEN s.eligible_games
                ELSE b.bonus_eligible_games END,
            lp_earned = b.lp_earned + s.lp_earned,"""
_BONUS_SUMS = """bool_or(t.is_active_bonus) AS has_bonus,
                   coalesce(sum(t.wagering_required) FILTER (WHERE t.is_active_bonus), 0) AS wagering_required,
                   min(t.lot_expires_at) FILTER (WHERE t.is_active_bonus) AS expires_at,
                   min(t.max_bet) FILTER (WHERE t.is_active_bonus) AS max_bet,
                   (array_agg(t.eligible_games ORDER BY t.lot_expires_at NULLS LAST, t.touched_lot_id)
                       FILTER (WHERE t.is_active_bonus))[1] AS eligible_games,
                   coalesce(sum(t.amount) FILTER (WHERE {earning}), 0) AS lp_earned,""".format(
    earning=_EARNING.format(alias="t")
)
_BONUS_COLUMNS = """, w.currency_type = 'BONUS' AND w.is_new_lot AND w.lot_status = 'ACTIVE' AS is_active_bonus"""
# A debit may end a lot, a credit to one there is adds to its terms: then everything derived is summed up again.
_BONUS_STALE = "p.currency_type = 'BONUS' AND (p.amount < 0 OR p.lot_id IS NOT NULL OR p.share_key IS NOT NULL)"
# An aggregate without rows still gives one row, so a player whose last bonus ended gets zeros, not stale figures.
_BONUS_REFRESH = """UPDATE loyalty_balances b
    SET bonus_wagering_required = a.wagering_required,
        bonus_wagering_completed = a.wagering_completed,
        bonus_expiry = a.expires_at,
        bonus_max_bet = a.max_bet,
        bonus_eligible_games = a.eligible_games
    FROM unnest(account_keys) k
    CROSS JOIN LATERAL (SELECT c.ctid AS row_id FROM loyalty_balances c WHERE c.player_id = k LIMIT 1) r
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.wagering_required), 0) AS wagering_required,
               coalesce(sum(l.wagering_completed), 0) AS wagering_completed,
               min(l.expires_at) AS expires_at, min(l.max_bet) AS max_bet,
               (array_agg(l.eligible_games ORDER BY l.expires_at NULLS LAST, l.id))[1] AS eligible_games
        FROM wallet_lots l
        WHERE l.player_id = k AND l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE')
          AND l.status = 'ACTIVE'
    ) a
    WHERE b.ctid = r.row_id
      AND (b.bonus_wagering_required, b.bonus_wagering_completed, b.bonus_expiry, b.bonus_max_bet,
           b.bonus_eligible_games)
          IS DISTINCT FROM (a.wagering_required, a.wagering_completed, a.expires_at, a.max_bet, a.eligible_games);"""


# What a single posting writes whatever it does to the lots, said once for its four statements.
_ONE_OPERATION = """INSERT INTO @{prefix}_operations
                (id, key, kind, @{account}, input_hash, reverses_id, actor, run_id, created_at)
            VALUES (this_operation_id, p.operation_key, p.operation_kind, p.account_key, p.input_hash, p.reverses_id,
                    posted_by, posted_run, entry_at)"""
_ONE_ENTRY = """INSERT INTO @{entry_table}
                (id, @{account}, number, operation_id, transaction_type, currency_type, amount, balance_before,
                 balance_after, description, reference_id, actor, metadata, hash, created_at)
            VALUES (this_entry_id, p.account_key, last_number + 1, this_operation_id, p.transaction_type,
                    p.currency_type, p.amount, before, before + p.amount, coalesce(p.description, ''),
                    coalesce(p.reference_id, ''), posted_by, marked, this_hash, entry_at)"""
_ONE_BALANCE = """UPDATE @{balance_table} c
        SET @{one_balance_sets},
            @{one_derived_sets}
            head_number = last_number + 1,
            head_hash = this_hash,
            head_at = entry_at,
            updated_at = posted_at
        WHERE c.@{account} = p.account_key"""


class _SqlTemplate(Template):
    """A template whose marks do not collide with dollar quotes."""

    delimiter = "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerShape:
    """The tables and columns one ledger is made of; `balance_columns` maps a currency to its column.

    `purposes` are those its restrictions know; a posting for another purpose is refused. For `spending_purposes` a
    named lot must be active and not expired.
    """

    prefix: str
    account: str
    account_type: str
    account_collation: str
    owner_table: str
    owner_key: str
    balance_table: str
    entry_table: str
    balance_columns: dict[str, str]
    purposes: tuple[str, ...]
    spending_purposes: tuple[str, ...]
    restriction_guard: str = "false"
    restriction_join: str = ""
    restriction_case: str = ""
    restriction_mark: str = "NULL::varchar"
    refusing_mark: str = "NULL::varchar"
    waking_guard: str = ""
    derived_sets: str = ""
    derived_sums: str = ""
    derived_columns: str = ""
    derived_stale: str = "false"
    one_derived_sets: str = ""
    one_derived_stale: str = "false"
    refresh_derived: str = ""

    def removal_sql(self) -> str:
        """Return the statements that remove the posting core, whichever version of it is installed."""
        functions = ("post", "post_one", "post_set", "write", "settle_lots", "due_lots", "canonical", "chain_step")
        dropped = [f"DROP AGGREGATE IF EXISTS {self.prefix}_chain(bytea, text)"]
        dropped += [f"DROP FUNCTION IF EXISTS {self.prefix}_{name}" for name in functions]
        dropped += [f"DROP TYPE IF EXISTS {self.prefix}_{name}" for name in ("posted", "posting")]
        return ";\n".join(dropped)

    def posting_sql(self) -> str:
        """Return the statements that install the posting core for this ledger."""
        names = self._names()
        parts = {"one_operation": _ONE_OPERATION, "one_entry": _ONE_ENTRY, "one_balance": _ONE_BALANCE}
        rendered = {name: _SqlTemplate(part).substitute(names) for name, part in parts.items()}
        text = "\n".join(file.read_text() for file in sorted(_POSTING_FILES.glob("*.sql")))
        return _SqlTemplate(text).substitute(names, **rendered)

    def _names(self) -> dict[str, str]:
        columns = self.balance_columns.items()
        return {
            **{name: text for name in self.__dataclass_fields__ if isinstance(text := getattr(self, name), str)},
            "purposes": ", ".join(f"'{purpose}'" for purpose in self.purposes),
            "spending": ", ".join(f"'{purpose}'" for purpose in self.spending_purposes),
            "balance_cases": " ".join(f"WHEN '{currency}' THEN b.{column}" for currency, column in columns),
            "balance_sets": ", ".join(f"{column} = b.{column} + s.{column}" for _, column in columns),
            "balance_sums": ", ".join(
                f"coalesce(sum(t.amount) FILTER (WHERE t.currency_type = '{currency}'), 0) AS {column}"
                for currency, column in columns
            ),
            "one_balance_sets": ", ".join(
                f"{column} = c.{column} + CASE p.currency_type WHEN '{currency}' THEN p.amount ELSE 0 END"
                for currency, column in columns
            ),
            "planner": _PLANNER,
            "operation_sequence": f"{self.prefix}_operations_id_seq",
            "lot_sequence": f"{self.prefix}_lots_id_seq",
            "entry_sequence": f"{self.entry_table}_id_seq",
        }


PLAYER_LEDGER = LedgerShape(
    prefix="wallet",
    account="player_id",
    account_type="varchar",
    account_collation='COLLATE "C"',
    owner_table="players",
    owner_key="player_id",
    balance_table="loyalty_balances",
    entry_table="transactions",
    balance_columns={
        "LP": "lp_balance",
        "RP": "rp_balance",
        "BONUS": "bonus_balance",
        "TICKETS": "tickets_balance",
    },
    purposes=tuple(CreditPurpose.values),
    spending_purposes=(CreditPurpose.SPEND, CreditPurpose.BET, CreditPurpose.REDEMPTION),
    restriction_guard=_RESTRICTION_GUARD,
    restriction_join=_RESTRICTION_JOIN,
    restriction_case="WHEN coalesce(x.refusing, y.unmet) IS NOT NULL THEN 'RESTRICTED'",
    restriction_mark="coalesce(x.refusing, y.unmet, x.marking)",
    refusing_mark="coalesce(x.refusing, y.unmet)",
    waking_guard=_WAKING_GUARD,
    derived_sets=_BONUS_SETS,
    derived_sums=_BONUS_SUMS,
    derived_columns=_BONUS_COLUMNS,
    derived_stale=_BONUS_STALE,
    one_derived_sets=f"lp_earned = c.lp_earned + CASE WHEN {_EARNING.format(alias='p')} THEN p.amount ELSE 0 END,",
    one_derived_stale="p.currency_type = 'BONUS'",
    refresh_derived=_BONUS_REFRESH,
)

"""Everything granted to players: lots of the wallet, and money promised as cash outside of it."""

from __future__ import annotations

from datetime import date

from core.plans import fetch_planned

_COLUMNS = "player_id, granted_on, promotional_value, expected_cost, rule_number"


def granted_sql(*, since: date) -> str:
    """Return a relation of what was granted, one row per grant, complete from the business date `since` on.

    Its columns: player_id, granted_on, promotional_value, expected_cost, and rule_number where a rule granted it. Where
    no cash was granted since then these are the lots alone, which is quicker to read.
    """
    if not fetch_planned("SELECT EXISTS (SELECT 1 FROM safety_cash_grants WHERE granted_on >= %s)", [since])[0][0]:
        return "wallet_lots"
    return f"(SELECT {_COLUMNS} FROM wallet_lots UNION ALL SELECT {_COLUMNS} FROM safety_cash_grants)"

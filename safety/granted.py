"""Everything granted to players: lots of the wallet, and money promised as cash outside of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import Sum

from safety.models import CashGrant
from wallet.models import Lot

_COLUMNS = "player_id, granted_on, promotional_value, expected_cost, rule_number"


def granted_sql(*, since: date) -> str:
    """Return a relation of what was granted, one row per grant, complete from the business date `since` on.

    Its columns: player_id, granted_on, promotional_value, expected_cost, and rule_number where a rule granted it. Where
    no cash was granted since then these are the lots alone, which is quicker to read.
    """
    if not CashGrant.objects.filter(granted_on__gte=since).exists():
        return "wallet_lots"
    return f"(SELECT {_COLUMNS} FROM wallet_lots UNION ALL SELECT {_COLUMNS} FROM safety_cash_grants)"


def granted_value(*, player_id: str, since: date, until: date) -> Decimal:
    """Return the money value granted to a player on the business dates from `since` to `until`, both inclusive."""
    own = {"player_id": player_id, "granted_on__gte": since, "granted_on__lte": until}
    lots = Lot.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    cash = CashGrant.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    return (lots or Decimal(0)) + (cash or Decimal(0))

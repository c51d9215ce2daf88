"""How prices and gifts are shown, of options and of orders alike."""

from __future__ import annotations

from decimal import Decimal

from rewards.models import RedemptionGives, RedemptionOption, RedemptionOrder


def amount_shown(amount: Decimal, currency: str) -> str:
    """Show a price as lists do."""
    return f"{amount:,.2f} {currency}"


def gift_shown(row: RedemptionOption | RedemptionOrder) -> str:
    """Say what an option gives or an order gave."""
    if row.amount is None:
        return RedemptionGives.BENEFIT.name.capitalize()
    if row.gives == RedemptionGives.TICKETS:
        return f"{row.amount:,.0f} tickets"
    return f"{row.amount:,.2f} bonus"

"""The admin of the wallet: balances, lots, ledger, what restricts players; read-only but for what services do."""

from wallet.admin import balances, bets, ledger, lots, restrictions

__all__ = ["balances", "bets", "ledger", "lots", "restrictions"]

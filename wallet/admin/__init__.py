"""The admin of the wallet: balances, lots and the ledger, all of it read-only but for what services do."""

from wallet.admin import balances, bets, ledger, lots

__all__ = ["balances", "bets", "ledger", "lots"]

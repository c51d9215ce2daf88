"""The admin of the wallet: balances, lots and the ledger, all of it read-only."""

from wallet.admin import balances, ledger, lots

__all__ = ["balances", "ledger", "lots"]

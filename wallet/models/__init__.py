from wallet.models.balance import LoyaltyBalance
from wallet.models.ledger import CurrencyType, LedgerDigest, LedgerEntry, Operation, PostingRefusal, TransactionType
from wallet.models.lots import BonusStatus, Lot, LotKind, LotMovement

__all__ = [
    "BonusStatus",
    "CurrencyType",
    "LedgerDigest",
    "LedgerEntry",
    "Lot",
    "LotKind",
    "LotMovement",
    "LoyaltyBalance",
    "Operation",
    "PostingRefusal",
    "TransactionType",
]

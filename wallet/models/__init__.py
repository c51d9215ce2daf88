from wallet.models.balance import LoyaltyBalance
from wallet.models.bets import Bet, BetStake, BetStatus, CountedWager, StakePart
from wallet.models.ledger import CurrencyType, LedgerDigest, LedgerEntry, Operation, PostingRefusal, TransactionType
from wallet.models.lots import BonusStatus, Lot, LotKind, LotMovement, WageringBasis

__all__ = [
    "Bet",
    "BetStake",
    "BetStatus",
    "BonusStatus",
    "CountedWager",
    "CurrencyType",
    "LedgerDigest",
    "LedgerEntry",
    "Lot",
    "LotKind",
    "LotMovement",
    "LoyaltyBalance",
    "Operation",
    "PostingRefusal",
    "StakePart",
    "TransactionType",
    "WageringBasis",
]

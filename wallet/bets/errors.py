"""Why a bet is not taken, or cannot be settled any more."""

from core.errors import ConflictError, NotFoundError, RefusedError


class BetNotFoundError(NotFoundError):
    """Raised for a bet id that nobody has placed."""

    code = "unknown_bet"


class BetClosedError(ConflictError):
    """Raised for settling or voiding a bet that was closed in another way; `details` says how."""

    code = "bet_closed"


class MaxBetExceededError(RefusedError):
    """Raised when a stake is above the largest bet of a bonus that it would use or count towards."""

    code = "max_bet_exceeded"


class GameNotEligibleError(RefusedError):
    """Raised when the stake needs bonus money that may not be played in this game; names where it may."""

    code = "game_not_eligible"


class InsufficientFundsError(RefusedError):
    """Raised when real and bonus money together, by the order of funds, do not pay the stake."""

    code = "insufficient_funds"

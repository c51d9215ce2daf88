"""The policies of the wallet."""

from decimal import Decimal

from core.policies import Policy, declare

LP_EXPIRY_MONTHS = declare(
    Policy(
        name="LP_EXPIRY_MONTHS",
        default=0,
        minimum=0,
        maximum=240,
        unit="months",
        help="Points from play expire at the end of the month this many months after they were earned; 0: never.",
    )
)
BONUS_TURNS = declare(
    Policy(
        name="BONUS_TURNS",
        default="ONE_AT_A_TIME",
        choices=("ONE_AT_A_TIME", "PARALLEL"),
        help="Whether bonuses with a wagering requirement wait for the one before to end, or run side by side.",
    )
)
WAGERING_BASIS = declare(
    Policy(
        name="WAGERING_BASIS",
        default="BONUS",
        choices=("BONUS", "DEPOSIT_AND_BONUS"),
        help="Of what a wagering requirement is a multiple, and what counts towards it: the part of a stake that bonus "
        "money paid, or the whole stake. Holds for bonuses granted from now on.",
    )
)
BET_FUNDS_ORDER = declare(
    Policy(
        name="BET_FUNDS_ORDER",
        default="REAL_FIRST",
        choices=("REAL_FIRST", "BONUS_FIRST", "REAL_ONLY", "BONUS_ONLY"),
        help="From which money a stake is paid.",
    )
)
BONUS_WINNINGS_TO = declare(
    Policy(
        name="BONUS_WINNINGS_TO",
        default="STAKE_TO_BONUS",
        choices=("STAKE_TO_BONUS", "ALL_TO_BONUS", "ALL_REAL"),
        help="Where the part of a payout goes that bonus money has won: back to the bonus up to what the bonus put in "
        "and the rest real, all to the bonus, or all real. What becomes real stays within the bonus's conversion cap.",
    )
)
BONUS_TINY_REMAINDER = declare(
    Policy(
        name="BONUS_TINY_REMAINDER",
        default=Decimal("0.05"),
        minimum=Decimal(0),
        maximum=Decimal(1),
        unit="money",
        help="A bonus with a requirement that has been played down to this or less, with no bet open, is completed: "
        "nobody can bet so little.",
    )
)
FORFEIT_BONUS_ON_WITHDRAWAL = declare(
    Policy(
        name="FORFEIT_BONUS_ON_WITHDRAWAL",
        default=False,
        help="Whether a withdrawal of real money ends the active bonuses: they and their winnings are forfeited, real "
        "money never is.",
    )
)
REFUND_GRACE_DAYS = declare(
    Policy(
        name="REFUND_GRACE_DAYS",
        default=30,
        minimum=1,
        maximum=3650,
        unit="days",
        help="How long points may be spent that come back after the lot that paid has expired.",
    )
)

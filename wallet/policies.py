"""The policies of the wallet: when points of each currency expire, and how bonus money is played."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from core.policies import Policy, declare


class PointsExpiry(StrEnum):
    """When points expire: at a time set when they are earned, or with the whole balance of an inactive player."""

    NEVER = "NEVER"
    MONTHS = "MONTHS"
    FIXED_DATE = "FIXED_DATE"
    INACTIVITY = "INACTIVITY"


_DAY_OF_EVERY_YEAR = (
    r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
)


def _expiry(name: str, points: str, *, prefix: str) -> Policy[str]:
    # MONTHS with its 0 months is "never": so a number of months given alone holds, and no other policy has to be read
    # to know what this one means.
    return declare(
        Policy(
            name=name,
            default=str(PointsExpiry.MONTHS),
            choices=tuple(str(kind) for kind in PointsExpiry),
            help=f"When {points} expire. MONTHS: by {prefix}_EXPIRY_MONTHS, 0 being never. FIXED_DATE: at the end of "
            f"the next {prefix}_EXPIRY_DATE. INACTIVITY: the whole balance, {prefix}_INACTIVITY_MONTHS after the "
            "player's last activity or credit. Points keep the date they were given; inactivity takes the balance as "
            "it is.",
        )
    )


def _expiry_months(name: str, points: str) -> Policy[int]:
    return declare(
        Policy(
            name=name,
            default=0,
            minimum=0,
            maximum=240,
            unit="months",
            help=f"{points} expire at the end of the month this many months after they were earned; 0: never. With a "
            "fixed date: the least time before it.",
        )
    )


def _expiry_date(name: str, points: str) -> Policy[str]:
    return declare(
        Policy(
            name=name,
            default="12-31",
            pattern=_DAY_OF_EVERY_YEAR,
            wanted="a day that every year has, as MM-DD,",
            help=f"With a fixed date, {points} expire at the end of this day; written MM-DD.",
        )
    )


def _inactivity_months(name: str, points: str) -> Policy[int]:
    return declare(
        Policy(
            name=name,
            default=12,
            minimum=1,
            maximum=240,
            unit="months",
            help=f"With inactivity, {points} expire after this long without activity and without a credit.",
        )
    )


LP_EXPIRY = _expiry("LP_EXPIRY", "loyalty points", prefix="LP")
LP_EXPIRY_MONTHS = _expiry_months("LP_EXPIRY_MONTHS", "Loyalty points")
LP_EXPIRY_DATE = _expiry_date("LP_EXPIRY_DATE", "loyalty points")
LP_INACTIVITY_MONTHS = _inactivity_months("LP_INACTIVITY_MONTHS", "loyalty points")
RP_EXPIRY = _expiry("RP_EXPIRY", "reward points", prefix="RP")
RP_EXPIRY_MONTHS = _expiry_months("RP_EXPIRY_MONTHS", "Reward points")
RP_EXPIRY_DATE = _expiry_date("RP_EXPIRY_DATE", "reward points")
RP_INACTIVITY_MONTHS = _inactivity_months("RP_INACTIVITY_MONTHS", "reward points")
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


def _bonus_of(kind: str, *, default: str, whom: str) -> Policy[str]:
    return declare(
        Policy(
            name=f"BONUS_OF_{kind}",
            default=default,
            choices=("CANCEL", "KEEP"),
            help=f"What becomes of the bonus money of {whom}: it is cancelled when the restriction takes effect, or "
            "kept, unusable and with its time running, until the restriction ends. Real money, points and tickets "
            "are never touched.",
        )
    )


BONUS_OF_SELF_EXCLUDED = _bonus_of("SELF_EXCLUDED", default="CANCEL", whom="a player who excludes themselves")
BONUS_OF_COOL_OFF = _bonus_of("COOL_OFF", default="KEEP", whom="a player who cools off")
BONUS_OF_RG_HARM = _bonus_of("RG_HARM", default="CANCEL", whom="a player with strong indicators of harm")
BONUS_OF_BLOCKED = _bonus_of("BLOCKED", default="CANCEL", whom="a player whom staff block")
BONUS_OF_MARKETING_OPT_OUT = _bonus_of("MARKETING_OPT_OUT", default="KEEP", whom="a player who wants no offers")
BONUS_OF_RESTRICTED = {
    "SELF_EXCLUDED": BONUS_OF_SELF_EXCLUDED,
    "COOL_OFF": BONUS_OF_COOL_OFF,
    "RG_HARM": BONUS_OF_RG_HARM,
    "BLOCKED": BONUS_OF_BLOCKED,
    "MARKETING_OPT_OUT": BONUS_OF_MARKETING_OPT_OUT,
}
ACTIVITY_COUNTS_WAGERING = declare(
    Policy(
        name="ACTIVITY_COUNTS_WAGERING",
        default=True,
        help="Whether reported bets count towards wagering requirements. A bet that is placed here and reported counts "
        "once, whichever comes first; corrections take back what was counted either way.",
    )
)

"""The policies of profit safety, caps and abuse."""

from decimal import Decimal

from core.policies import Policy, declare

# The most that an amount of money can be: what is greater would break the statements that compare with it.
MONEY_MAX = Decimal("9999999999999999.99")


def _cap(name: str, default: int, period: str) -> Policy[Decimal]:
    return declare(
        Policy(
            name=name,
            default=Decimal(default),
            minimum=Decimal(0),
            maximum=MONEY_MAX,
            unit="money value",
            help=f"The most a player may be granted per {period}, rewards and manual credits together. 0: nothing at "
            "all; for no cap of this window, that of a longer one.",
        )
    )


MAX_DAILY_REWARD_PER_PLAYER = _cap("MAX_DAILY_REWARD_PER_PLAYER", 1000, "business day")
MAX_WEEKLY_REWARD_PER_PLAYER = _cap("MAX_WEEKLY_REWARD_PER_PLAYER", 5000, "ISO week")
MAX_MONTHLY_REWARD_PER_PLAYER = _cap("MAX_MONTHLY_REWARD_PER_PLAYER", 20000, "calendar month")

PROFIT_HORIZON_DAYS = declare(
    Policy(
        name="PROFIT_HORIZON_DAYS",
        default=30,
        minimum=1,
        maximum=365,
        unit="business days",
        help="How far ahead profit safety looks for play, and how far back for rewards already granted.",
    )
)
EXPECTED_ACTIVE_DAYS_PRIOR = declare(
    Policy(
        name="EXPECTED_ACTIVE_DAYS_PRIOR",
        default=Decimal(6),
        minimum=Decimal(0),
        maximum=Decimal(30),
        unit="days in 30",
        help="Active days expected of a player about whom no daily rows are known; known ones are shrunk towards it.",
    )
)
PRIOR_WEIGHT_DAYS = declare(
    Policy(
        name="PRIOR_WEIGHT_DAYS",
        default=Decimal(10),
        minimum=Decimal(0),
        maximum=Decimal(3650),
        unit="days",
        help="How many of the player's own days weigh as much as the segment's mean.",
    )
)
BONUS_COST_FLOOR_RATE = declare(
    Policy(
        name="BONUS_COST_FLOOR_RATE",
        default=Decimal("0.30"),
        minimum=Decimal(0),
        maximum=Decimal(1),
        unit="share of the amount",
        help="A bonus never counts as costing less than this share, however high its wagering requirement.",
    )
)
BONUS_COST_TURNOVER = declare(
    Policy(
        name="BONUS_COST_TURNOVER",
        default="REQUIRED",
        choices=("REQUIRED", "CERTAIN"),
        help="How much turnover of bonus money the cost of a bonus reckons with. REQUIRED: all that is required, "
        "down to the floor. CERTAIN: one turnover at most unless BONUS_WINNINGS_TO is ALL_TO_BONUS, for what "
        "becomes real at once cannot be wagered again; a bonus then costs nearly all of it, whatever it requires.",
    )
)
PROFIT_BASIS = declare(
    Policy(
        name="PROFIT_BASIS",
        default="TOTAL",
        choices=("TOTAL", "INCREMENTAL"),
        help="What a player's rewards must cost less than. TOTAL: everything the player is expected to bring once "
        "rewarded; nobody gets more than they bring, but a reward may cost more than it adds. INCREMENTAL: only what "
        "rewards add to that (the retention multiplier less 1), so that each pays for itself; a kind of reward whose "
        "multiplier is 1 is then never given.",
    )
)
PROFIT_LESS_POINTS_FROM_PLAY = declare(
    Policy(
        name="PROFIT_LESS_POINTS_FROM_PLAY",
        default=False,
        help="Whether the expected margin is what the house keeps less the points that play itself earns, at the "
        "highest tier's multiplier and their unit value. No: the whole house edge, and points from play come on top.",
    )
)
POINTS_REDEEMED_RATE = declare(
    Policy(
        name="POINTS_REDEEMED_RATE",
        default=Decimal(1),
        minimum=Decimal(0),
        maximum=Decimal(1),
        unit="share of the points",
        help="How much of given points and tickets is expected ever to be redeemed; 1: all of it, no breakage counted.",
    )
)
MANUAL_CREDITS_PROFITABILITY = declare(
    Policy(
        name="MANUAL_CREDITS_PROFITABILITY",
        default="WARN",
        choices=("OFF", "WARN", "ENFORCE"),
        help="What becomes of a credit by hand that costs more than is expected from the player. OFF: not asked. WARN: "
        "given, and listed under Refused by safety. ENFORCE: refused.",
    )
)
MANUAL_CREDITS_ABUSE = declare(
    Policy(
        name="MANUAL_CREDITS_ABUSE",
        default="WARN",
        choices=("OFF", "WARN", "ENFORCE"),
        help="What becomes of a credit by hand to a player whose abuse score gets nothing from rules before a person "
        "has looked. OFF: not asked. WARN: given, and listed under Refused by safety. ENFORCE: refused.",
    )
)
SAFETY_VIOLATION_DAYS = declare(
    Policy(
        name="SAFETY_VIOLATION_DAYS",
        default=730,
        minimum=30,
        unit="days",
        help="How long refusals of safety are kept in their list; the decisions themselves stay.",
    )
)
ABUSE_HALF_LIFE_DAYS = declare(
    Policy(
        name="ABUSE_HALF_LIFE_DAYS",
        default=90,
        minimum=1,
        unit="days",
        help="After this time an unresolved signal counts half.",
    )
)
ABUSE_POINTS_PER_SEVERITY = declare(
    Policy(
        name="ABUSE_POINTS_PER_SEVERITY",
        default=Decimal(5),
        minimum=Decimal(0),
        unit="points",
        help="Score points per unit of a signal's severity.",
    )
)
ABUSE_REDUCE_FROM = declare(
    Policy(name="ABUSE_REDUCE_FROM", default=31, minimum=0, maximum=101, help="Abuse score from which rewards are cut.")
)
ABUSE_REDUCED_RATE = declare(
    Policy(
        name="ABUSE_REDUCED_RATE",
        default=Decimal("0.5"),
        minimum=Decimal(0),
        maximum=Decimal(1),
        help="What is left of a reward in the first band of abuse scores.",
    )
)
ABUSE_WAGERING_FROM = declare(
    Policy(
        name="ABUSE_WAGERING_FROM",
        default=61,
        minimum=0,
        maximum=101,
        help="Abuse score from which wagering requirements are raised instead.",
    )
)
ABUSE_WAGERING_MULTIPLIER = declare(
    Policy(
        name="ABUSE_WAGERING_MULTIPLIER",
        default=Decimal("1.5"),
        minimum=Decimal(1),
        maximum=Decimal(100),
        help="By how much requirements are raised in the second band.",
    )
)
ABUSE_WAGERING_INSTEAD_RATE = declare(
    Policy(
        name="ABUSE_WAGERING_INSTEAD_RATE",
        default=Decimal("0.5"),
        minimum=Decimal(0),
        maximum=Decimal(1),
        help="What is left of a reward in the second band that has no wagering requirement which could rise: points, "
        "tickets, cash, and bonus money that need not be wagered.",
    )
)
ABUSE_REVIEW_FROM = declare(
    Policy(
        name="ABUSE_REVIEW_FROM",
        default=81,
        minimum=0,
        maximum=101,
        help="Abuse score from which nothing is given and a person looks.",
    )
)
RULE_GUARD_VALUE = declare(
    Policy(
        name="RULE_GUARD_VALUE",
        default=Decimal(0),
        minimum=Decimal(0),
        maximum=MONEY_MAX,
        unit="money value",
        help="The most all rules together may give a player in RULE_GUARD_DAYS, apart from the caps; 0: no such guard.",
    )
)
RULE_GUARD_DAYS = declare(
    Policy(
        name="RULE_GUARD_DAYS",
        default=7,
        minimum=0,
        maximum=365,
        unit="business days",
        help="Any so many business days on end in which RULE_GUARD_VALUE holds; 0: no such guard.",
    )
)
GLOBAL_HOLDOUT_PERCENT = declare(
    Policy(
        name="GLOBAL_HOLDOUT_PERCENT",
        default=Decimal(0),
        minimum=Decimal(0),
        maximum=Decimal(100),
        unit="percent",
        help="Share of all players, 0–100 with two decimals, whom no rule gives anything: they show what rules bring.",
    )
)
GLOBAL_HOLDOUT_SALT = declare(
    Policy(
        name="GLOBAL_HOLDOUT_SALT",
        default="1",
        pattern=r"[A-Za-z0-9_.-]{1,40}",
        wanted="1 to 40 letters, digits, underscores, dots or dashes",
        help="What the global control group is drawn by; another value draws another group for a new experiment.",
    )
)
ABUSE_BLOCK_FROM = declare(
    Policy(
        name="ABUSE_BLOCK_FROM",
        default=101,
        minimum=1,
        maximum=101,
        help="Abuse score from which the player is blocked until a person has decided the case; 101: never.",
    )
)


def _review_limit(
    name: str, default: int, *, unit: str, what: str, minimum: int = 1, maximum: int = 8760
) -> Policy[int]:
    return declare(Policy(name=name, default=default, minimum=minimum, maximum=maximum, unit=unit, help=what))


REVIEW_DUE_HOURS = _review_limit(
    "REVIEW_DUE_HOURS", 48, unit="hours", what="Within this time of its opening a review case is to be decided."
)
REVIEW_URGENT_DUE_HOURS = _review_limit(
    "REVIEW_URGENT_DUE_HOURS", 12, unit="hours", what="The same where REVIEW_URGENT_MONEY or more is at stake."
)
REVIEW_URGENT_MONEY = declare(
    Policy(
        name="REVIEW_URGENT_MONEY",
        default=Decimal(1000),
        minimum=Decimal(0),
        unit="money value",
        help="A review case with so much at stake is urgent.",
    )
)
REVIEW_APPEAL_DUE_HOURS = _review_limit(
    "REVIEW_APPEAL_DUE_HOURS", 72, unit="hours", what="Within this time an appeal is to be decided."
)
REVIEW_APPEAL_DAYS = _review_limit(
    "REVIEW_APPEAL_DAYS", 30, unit="days", what="How long after a decision an appeal may be filed.", maximum=3650
)
REVIEW_APPEALS_MAX = _review_limit(
    "REVIEW_APPEALS_MAX", 1, unit="appeals", what="How often one case may be appealed.", minimum=0, maximum=10
)
DETECTOR_LABELS_MIN = declare(
    Policy(
        name="DETECTOR_LABELS_MIN",
        default=20,
        minimum=1,
        maximum=1000,
        unit="signals",
        help="So many signals of a detector are to be judged before it is switched on; fewer are warned of.",
    )
)
VIP_APPROVAL_DAYS_MAX = declare(
    Policy(
        name="VIP_APPROVAL_DAYS_MAX",
        default=365,
        minimum=1,
        maximum=1095,
        unit="days",
        help="The longest a VIP approval may hold before its checks are made again.",
    )
)

"""The policies of measuring, segmenting and ranking players."""

from decimal import Decimal

from core.policies import Policy, declare

OPERATOR_CURRENCY = declare(
    Policy(
        name="OPERATOR_CURRENCY",
        default="EUR",
        help="The one currency of all amounts, by its ISO code; a spreadsheet with another one is refused.",
    )
)
NEW_PLAYER_WAGER_THRESHOLD = declare(
    Policy(
        name="NEW_PLAYER_WAGER_THRESHOLD",
        default=Decimal(1000),
        minimum=Decimal(0),
        unit="money",
        help="A player who wagered less than this is NEW.",
    )
)
VIP_WAGER_THRESHOLD = declare(
    Policy(
        name="VIP_WAGER_THRESHOLD",
        default=Decimal(100000),
        minimum=Decimal(0),
        unit="money",
        help="A player who wagered more than this, in enough sessions, is VIP.",
    )
)
VIP_SESSIONS_THRESHOLD = declare(
    Policy(
        name="VIP_SESSIONS_THRESHOLD",
        default=100,
        minimum=0,
        unit="sessions",
        help="A VIP has more sessions than this.",
    )
)
WINNING_RATIO_THRESHOLD = declare(
    Policy(
        name="WINNING_RATIO_THRESHOLD",
        default=Decimal("1.1"),
        minimum=Decimal(1),
        unit="ratio",
        help="A player ahead whose won ÷ wagered is above this is WINNING. "
        "With 1.1 and a breakeven share of 0.05 a player 5–10 % ahead falls to LOSING.",
    )
)
BREAKEVEN_RATE = declare(
    Policy(
        name="BREAKEVEN_RATE",
        default=Decimal("0.05"),
        minimum=Decimal(0),
        maximum=Decimal(1),
        unit="share of turnover",
        help="A player whose result, up or down, is below this share of turnover is BREAKEVEN.",
    )
)
SEGMENT_BASIS_DAYS = declare(
    Policy(
        name="SEGMENT_BASIS_DAYS",
        default=0,
        minimum=0,
        maximum=3650,
        unit="business days",
        help="Segments look at this many days up to the business date; 0 looks at the whole lifetime.",
    )
)
NET_PNL_BASIS = declare(
    Policy(
        name="NET_PNL_BASIS",
        default="WAGERED",
        choices=("WAGERED", "DEPOSITED"),
        help="What net_pnl compares winnings with: stakes, or deposits as the schema document writes it.",
    )
)
RISK_WIN_RATIO_THRESHOLD = declare(
    Policy(
        name="RISK_WIN_RATIO_THRESHOLD",
        default=Decimal("1.5"),
        minimum=Decimal(0),
        unit="ratio",
        help="A won ÷ wagered above this adds risk points.",
    )
)
RISK_WIN_RATIO_POINTS = declare(
    Policy(
        name="RISK_WIN_RATIO_POINTS",
        default=20,
        minimum=0,
        maximum=100,
        unit="points",
        help="Risk points for a win ratio above the threshold.",
    )
)
TIER_SILVER_LP = declare(
    Policy(
        name="TIER_SILVER_LP",
        default=1000,
        minimum=1,
        unit="points",
        help="Points earned from which a player is SILVER.",
    )
)
TIER_GOLD_LP = declare(
    Policy(
        name="TIER_GOLD_LP", default=10000, minimum=1, unit="points", help="Points earned from which a player is GOLD."
    )
)
TIER_PLATINUM_LP = declare(
    Policy(
        name="TIER_PLATINUM_LP",
        default=50000,
        minimum=1,
        unit="points",
        help="Points earned from which a player is PLATINUM.",
    )
)
TIER_QUALIFICATION = declare(
    Policy(
        name="TIER_QUALIFICATION",
        default="LIFETIME",
        choices=("LIFETIME", "ROLLING"),
        help="Which points a tier counts: all ever earned, or those earned in the last TIER_WINDOW_DAYS. "
        "Spending points never costs a tier.",
    )
)
TIER_WINDOW_DAYS = declare(
    Policy(
        name="TIER_WINDOW_DAYS",
        default=365,
        minimum=1,
        maximum=3650,
        unit="business days",
        help="With ROLLING qualification: how many days, up to the business date, points count for a tier.",
    )
)
TIER_DOWNGRADE = declare(
    Policy(
        name="TIER_DOWNGRADE",
        default="IMMEDIATE",
        choices=("IMMEDIATE", "ONE_LEVEL", "GRACE"),
        help="What happens when a player's points no longer reach their tier. IMMEDIATE: the tier of the points holds "
        "at once. ONE_LEVEL: one level down, the next not before TIER_GRACE_DAYS. GRACE: the tier is kept for "
        "TIER_GRACE_DAYS, then that of the points holds.",
    )
)
TIER_GRACE_DAYS = declare(
    Policy(
        name="TIER_GRACE_DAYS",
        default=90,
        minimum=1,
        maximum=3650,
        unit="business days",
        help="With ONE_LEVEL or GRACE: how long a tier is kept that the points do not reach.",
    )
)
SELF_EXCLUSION_MINIMUM_DAYS = declare(
    Policy(
        name="SELF_EXCLUSION_MINIMUM_DAYS",
        default=180,
        minimum=1,
        maximum=3650,
        unit="days",
        help="A self-exclusion lasts at least this long; nobody can end it before.",
    )
)
SELF_EXCLUSION_ENDS = declare(
    Policy(
        name="SELF_EXCLUSION_ENDS",
        default="ON_REQUEST",
        choices=("ON_REQUEST", "BY_ITSELF"),
        help="After its minimum a self-exclusion holds until the player asks to lift it and two people do, "
        "or it ends by itself. Counts for those imposed from now on.",
    )
)
LIFT_COOLING_HOURS = declare(
    Policy(
        name="LIFT_COOLING_HOURS",
        default=24,
        minimum=0,
        maximum=720,
        unit="hours",
        help="Between a player's wish to lift a self-exclusion and the earliest decision.",
    )
)
COOL_OFF_DAYS_MAX = declare(
    Policy(
        name="COOL_OFF_DAYS_MAX",
        default=42,
        minimum=1,
        maximum=3650,
        unit="days",
        help="The longest cool-off; who wants to stay away for longer excludes themselves.",
    )
)
ACTIVITY_UNKNOWN_PLAYERS = declare(
    Policy(
        name="ACTIVITY_UNKNOWN_PLAYERS",
        default="REFUSE",
        choices=("REFUSE", "CREATE"),
        help="What an event of a player nobody knows does: it refuses its batch, or makes the player.",
    )
)
ACTIVITY_SESSION_GAP_MINUTES = declare(
    Policy(
        name="ACTIVITY_SESSION_GAP_MINUTES",
        default=30,
        minimum=1,
        maximum=720,
        unit="minutes",
        help="Where the platform reports no sessions, a bet more than this after the bet before begins a new one. "
        "Holds for what arrives from then on; `manage.py infer_sessions` counts days that are there already anew.",
    )
)
ACTIVITY_RETENTION_MONTHS = declare(
    Policy(
        name="ACTIVITY_RETENTION_MONTHS",
        default=0,
        minimum=0,
        maximum=1200,
        unit="months",
        help="Events from before this many whole months before the present one are listed as exceptions, not counted, "
        "and their months may be archived; 0: only events of archived months are.",
    )
)
ACTIVITY_KEYS_AFTER_ARCHIVE = declare(
    Policy(
        name="ACTIVITY_KEYS_AFTER_ARCHIVE",
        default="KEEP",
        choices=("KEEP", "ARCHIVE"),
        help="What becomes of the names of archived events. KEEP: one that comes again is known and ignored. ARCHIVE: "
        "it is listed as an exception like any event of its month.",
    )
)
ACTIVITY_LIVE_HOURS = declare(
    Policy(
        name="ACTIVITY_LIVE_HOURS",
        default=24,
        minimum=0,
        maximum=8760,
        unit="hours",
        help="Reported events set off live rules and release pending credits only when they are no older than this.",
    )
)

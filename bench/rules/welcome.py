"""Bonus money that welcomes, brings back or holds a player: one of the group a night."""

from __future__ import annotations

from decimal import Decimal

from bench.rules.shape import BenchRule, bonus

WELCOME_RULES = (
    BenchRule(
        rule_id="WELCOME_BONUS",
        priority=890,
        conditions={"segment": "NEW", "days_since_registration_max": 60, "total_deposited_min": 20},
        reward=bonus("min(total_deposited * 0.1, 20)", max_amount=20),
        daily_budget=Decimal(600),
        group="money",
    ),
    BenchRule(
        rule_id="NEW_PLAYER_PUSH",
        priority=880,
        conditions={"segment": "NEW", "sessions_30d": {"min": 10}, "kyc_completed": True},
        reward=bonus("total_wagered_30d * 0.05", max_amount=30, wagering=25),
        group="money",
    ),
    BenchRule(
        rule_id="COME_BACK_SOON",
        priority=870,
        conditions={"days_since_last_activity": {"min": 12, "max": 16}, "not": {"segment": ["NEW", "VIP"]}},
        reward=bonus("avg_bet_size_30d * 20", max_amount=80),
        period="MONTH",
        cooldown_days=30,
        group="money",
    ),
    BenchRule(
        rule_id="COME_BACK_VIP",
        priority=860,
        conditions={"segment": "VIP", "days_since_last_activity_min": 5, "risk_score_max": 50},
        reward=bonus("round(total_wagered_30d * 0.005)", max_amount=250, wagering=10),
        period="MONTH",
        group="money",
    ),
    BenchRule(
        rule_id="BREAKEVEN_NUDGE",
        priority=850,
        conditions={"segment": "BREAKEVEN", "active_days_30d_min": 6, "deposited_30d": {"gt": 100}},
        reward=bonus("deposited_30d * 0.03", max_amount=40, wagering=25),
        period="MONTH",
        daily_budget=Decimal(200),
        group="money",
    ),
    BenchRule(
        rule_id="RELOAD_FIFTY",
        priority=840,
        conditions={
            "days_since_last_deposit": {"min": 5, "max": 9},
            "any": [{"segment": "LOSING"}, {"all": [{"segment": "BREAKEVEN"}, {"tier": ["SILVER", "GOLD"]}]}],
        },
        reward=bonus("min(avg_bet_size_30d * 10, 60)", max_amount=60, wagering=30),
        cooldown_days=14,
        period="MONTH",
        group="money",
    ),
    BenchRule(
        rule_id="LONG_SESSIONS",
        priority=830,
        conditions={"avg_session_duration": {"gt": 0.9}, "total_sessions_min": 40, "segment": {"not_in": ["WINNING"]}},
        reward=bonus("floor(total_playtime_hours_30d)", max_amount=20),
        period="MONTH",
        group="money",
    ),
    BenchRule(
        rule_id="BIG_DEPOSITOR",
        priority=820,
        conditions={"total_deposited_90d_min": 3000, "tier": ["GOLD", "PLATINUM"], "bonus_balance": {"lt": 50}},
        reward=bonus("total_deposited_90d * 0.005", max_amount=150, wagering=15),
        total_budget=Decimal(4_000),
        group="money",
    ),
    BenchRule(
        rule_id="WINNER_STAYS",
        priority=810,
        conditions={"segment": "WINNING", "active_days_7d_min": 2, "total_withdrawn_7d": {"equals": 0}},
        reward=bonus("abs(net_pnl_7d) * 0.1 + 5", max_amount=60, wagering=35),
        period="WEEK",
        group="money",
    ),
    BenchRule(
        rule_id="SMALL_STAKES",
        priority=800,
        conditions={"avg_bet_size": {"lt": 1.50}, "active_days_30d_min": 7, "segment": ["LOSING", "BREAKEVEN"]},
        reward=bonus("total_bets_30d * 0.15", max_amount=50),
        period="MONTH",
        group="money",
    ),
    BenchRule(
        rule_id="NEWSLETTER_READERS",
        priority=790,
        conditions={
            "tags": "newsletter",
            "active_days_30d_min": 6,
            "not": {"any": [{"age_max": 20}, {"risk_score_min": 70}]},
        },
        reward=bonus("30", max_amount=30),
        group="money",
    ),
)

"""Cashback on recent losses: one of the group a night."""

from __future__ import annotations

from decimal import Decimal

from bench.rules.shape import BenchRule, cashback

CASHBACK_RULES = (
    BenchRule(
        rule_id="VIP_CASHBACK_WEEK",
        priority=990,
        conditions={"segment": "VIP", "net_loss_7d_min": 100, "risk_score": {"lt": 60}},
        reward=cashback("net_loss_7d * 0.03 * cashback_multiplier", max_amount=500, wagering=0),
        period="WEEK",
        group="money",
    ),
    BenchRule(
        rule_id="GOLD_CASHBACK_WEEK",
        priority=980,
        conditions={"tier": ["GOLD", "PLATINUM"], "net_loss_7d": {"gt": 50}, "not": {"segment": "WINNING"}},
        reward=cashback("net_loss_7d * 0.02 * cashback_multiplier", max_amount=200),
        period="WEEK",
        group="money",
    ),
    BenchRule(
        rule_id="LOSING_CASHBACK_WEEK",
        priority=970,
        conditions={"segment": "LOSING", "net_loss_7d_min": 40, "sessions_7d_min": 3},
        reward=cashback("net_loss_7d * 0.1 * cashback_multiplier", max_amount=100),
        period="WEEK",
        group="money",
    ),
    BenchRule(
        rule_id="LOSING_CASHBACK_MONTH",
        priority=960,
        conditions={
            "segment": "LOSING",
            "net_loss_30d": {"min": 150, "max": 5000},
            "any": [{"active_days_30d_min": 8}, {"total_sessions_30d_min": 20}],
        },
        reward=cashback("net_loss_30d * 0.01 * cashback_multiplier", max_amount=150),
        period="MONTH",
        daily_budget=Decimal(30),
        group="money",
    ),
    BenchRule(
        rule_id="DOCUMENTED_CASHBACK",
        priority=950,
        conditions={
            "segment": "LOSING",
            "net_loss_min": 2000,
            "session_count_min": 50,
            "days_since_last_deposit": {"max": 7},
        },
        reward=cashback("net_loss * 0.005", max_amount=50, wagering=5),
        group="money",
    ),
    BenchRule(
        rule_id="BAD_LUCK_WEEKEND",
        priority=940,
        conditions={"win_loss_ratio_7d": {"lt": 0.6}, "wagered_7d": {"min": 200}, "risk_score_max": 40},
        reward=cashback("max(net_loss_7d - 100, 0) * 0.02", max_amount=40),
        period="WEEK",
        group="money",
    ),
    BenchRule(
        rule_id="ROULETTE_COMFORT",
        priority=930,
        conditions={
            "all": [
                {"house_edge_contribution_30d": {"gt": 300}},
                {"any": [{"country": ["Austria", "Germany"]}, {"language": "German"}]},
                {"not": {"any": [{"segment": "VIP"}, {"tier": "PLATINUM"}]}},
            ]
        },
        reward=cashback("house_edge_contribution_30d * 0.01", max_amount=60),
        period="MONTH",
        group="money",
    ),
    BenchRule(
        rule_id="SOUTHERN_QUARTER",
        priority=920,
        conditions={"country": ["Spain", "Italy", "Greece"], "net_loss_90d_min": 800, "active_days_90d_min": 18},
        reward=cashback("net_loss_90d * 0.004", max_amount=80),
        total_budget=Decimal(250),
        group="money",
    ),
    BenchRule(
        rule_id="HIGH_VOLATILITY_COMFORT",
        priority=910,
        conditions={"volatility_score": {"gt": 0.6}, "net_pnl": {"lt": -1000}, "bonus_abuse_score_max": 30},
        reward=cashback("min(net_loss * 0.002, avg_bet_size * 5)", max_amount=25),
        group="money",
    ),
    BenchRule(
        rule_id="SLOW_MONTH",
        priority=900,
        conditions={
            "total_wagered_30d": {"gt": 0},
            "active_days_30d_min": 6,
            "win_loss_ratio_30d": {"min": 0.4, "max": 0.82},
        },
        reward=cashback("total_wagered_30d * 0.03", max_amount=200, wagering=3),
        period="MONTH",
        cooldown_days=20,
        group="money",
    ),
)

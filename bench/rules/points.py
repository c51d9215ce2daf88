"""Points: small, frequent and cheap, one of each group a night."""

from __future__ import annotations

from decimal import Decimal

from bench.rules.shape import BenchRule, points

_REWARD_POINTS = "REWARD_POINTS"

POINT_RULES = (
    BenchRule(
        rule_id="VIP_POINTS",
        priority=590,
        conditions={"segment": "VIP", "active_days_7d_min": 1},
        reward=points("total_wagered_7d * 0.02 * lp_multiplier", max_amount=500),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="GOLD_POINTS",
        priority=580,
        conditions={"tier": ["GOLD", "PLATINUM"], "total_wagered_7d": {"gt": 0}},
        reward=points("total_wagered_7d * 0.01", max_amount=200),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="ACTIVE_WEEK_POINTS",
        priority=570,
        conditions={"active_days_7d": {"min": 2}, "total_bets_7d_min": 50, "risk_score_max": 60},
        reward=points("total_bets_7d * 0.2", max_amount=50),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="ACTIVE_MONTH_POINTS",
        priority=560,
        conditions={"active_days_30d_min": 7, "sessions_30d_min": 6},
        reward=points("active_days_30d * 3", max_amount=60),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="DEPOSIT_POINTS",
        priority=550,
        conditions={"deposited_7d": {"gt": 20}, "segment": {"in": ["LOSING", "BREAKEVEN", "NEW"]}},
        reward=points("deposited_7d * 0.1", max_amount=40),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="KYC_POINTS",
        priority=540,
        conditions={"kyc_completed": True, "active_days_30d_min": 8},
        reward=points("25", max_amount=25),
        group="extras",
    ),
    BenchRule(
        rule_id="LOYAL_YEARS",
        priority=530,
        conditions={"days_since_registration": {"min": 900}, "active_days_30d_min": 6, "not": {"segment": "NEW"}},
        reward=points("days_since_registration / 10", max_amount=100),
        group="extras",
    ),
    BenchRule(
        rule_id="QUARTER_TURNOVER",
        priority=520,
        conditions={"total_wagered_90d_min": 2000, "active_days_90d": {"gt": 18}},
        reward=points("total_wagered_90d * 0.005", max_amount=80),
        group="extras",
    ),
    BenchRule(
        rule_id="EXTRA_POINTS_WINNERS",
        priority=510,
        conditions={"win_loss_ratio_30d": {"gt": 1.05}, "active_days_30d_min": 7},
        reward=points("min(net_pnl_30d * 0.02, 30)", max_amount=30),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_LOSING",
        priority=490,
        conditions={"segment": "LOSING", "net_loss_30d": {"min": 200}},
        reward=points("net_loss_30d * 0.1", max_amount=100, kind=_REWARD_POINTS),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_SILVER",
        priority=480,
        conditions={"tier": "SILVER", "rp_balance": {"lt": 200}, "days_since_last_activity_max": 2},
        reward=points("50", max_amount=50, kind=_REWARD_POINTS),
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_WOMEN_WEEK",
        priority=470,
        conditions={"gender": "Female", "any": [{"sessions_7d_min": 4}, {"total_wagered_30d_min": 2000}]},
        reward=points("20", max_amount=20, kind=_REWARD_POINTS),
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_SENIORS",
        priority=460,
        conditions={"age_min": 55, "total_playtime_hours_30d_min": 6, "country": {"not_in": ["India", "Turkey"]}},
        reward=points("total_playtime_hours_30d * 2", max_amount=40, kind=_REWARD_POINTS),
        period="MONTH",
        daily_budget=Decimal(200),
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_AFFILIATES",
        priority=450,
        conditions={"tags": "affiliate", "active_days_30d_min": 6},
        reward=points("30", max_amount=30, kind=_REWARD_POINTS),
        group="extras",
    ),
    BenchRule(
        rule_id="SHOP_POINTS_STEADY",
        priority=440,
        conditions={"volatility_score_max": 0.44, "total_sessions_90d": {"min": 32}},
        reward=points("total_sessions_90d", max_amount=60, kind=_REWARD_POINTS),
        group="extras",
    ),
    BenchRule(
        rule_id="GROWING_STAKES",
        priority=430,
        conditions={"wagered_since_last_reward": {"gt": 15000}, "segment": ["LOSING", "VIP"]},
        reward=points("wagered_since_last_reward * 0.01", max_amount=50, kind=_REWARD_POINTS),
        period="DAY",
        group="extras",
    ),
    BenchRule(
        rule_id="EARLY_DAYS_POINTS",
        priority=420,
        conditions={"days_since_registration_max": 45, "total_deposited_7d": {"min": 10}},
        reward=points("15", max_amount=15, kind=_REWARD_POINTS),
        group="extras",
    ),
)

"""Free plays, tickets and perks."""

from __future__ import annotations

from bench.rules.shape import BenchRule, free_play, tickets

PLAY_RULES = (
    BenchRule(
        rule_id="SILVER_FREE_PLAY",
        priority=690,
        conditions={"tier": "SILVER", "active_days_30d_min": 6},
        reward=free_play("8.00"),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="GOLD_FREE_PLAY",
        priority=700,
        conditions={"tier": ["GOLD", "PLATINUM"], "active_days_30d_min": 4},
        reward=free_play("10.00"),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="LOSING_STREAK_SPINS",
        priority=680,
        conditions={"segment": "LOSING", "net_loss_7d_min": 150, "days_since_last_deposit_max": 10},
        reward=free_play("3.00"),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="NORTHERN_SPINS",
        priority=670,
        conditions={"country": ["Sweden", "Denmark", "Poland"], "total_bets_7d_min": 60},
        reward=free_play("1.00"),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="YOUNG_REGULARS",
        priority=660,
        conditions={"age": {"min": 18, "max": 24}, "sessions_30d_min": 14, "risk_score": {"max": 30}},
        reward=free_play("6.00"),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="TOURNAMENT_INVITATION",
        priority=650,
        conditions={
            "all": [
                {"any": [{"segment": ["VIP"]}, {"total_wagered_90d_min": 20000}]},
                {"not": {"days_since_last_activity_min": 20}},
            ]
        },
        reward=tickets(2),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="WEEKLY_TICKET",
        priority=640,
        conditions={"active_days_7d_min": 2, "segment": {"not": "NEW"}},
        reward=tickets(1),
        period="WEEK",
        group="extras",
    ),
    BenchRule(
        rule_id="HOSTED_TICKETS",
        priority=630,
        conditions={"tags": "vip-host", "total_wagered_30d_min": 500},
        reward=tickets(3),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="HIGH_TURNOVER_TICKETS",
        priority=620,
        conditions={"total_wagered_30d": {"min": 4000}, "avg_bet_size_30d": {"max": 200}},
        reward=tickets(2),
        period="MONTH",
        group="extras",
    ),
    BenchRule(
        rule_id="OLD_FRIENDS",
        priority=610,
        conditions={"days_since_registration_min": 600, "active_days_30d_min": 7, "rp_balance": {"lt": 1000}},
        reward=tickets(1),
        group="extras",
    ),
    BenchRule(
        rule_id="PLATINUM_PERKS",
        priority=720,
        conditions={"tier": "PLATINUM", "segment": "VIP", "risk_score": {"lt": 30}},
        reward={"type": "VIP_PERKS", "amount": 50},
        group="perks",
    ),
    BenchRule(
        rule_id="EXPLORER_SPINS",
        priority=600,
        conditions={
            "game_diversity": {"min": 2},
            "active_days_30d_min": 7,
            "any": [{"age_min": 60}, {"tickets_balance": {"gt": 0}}],
        },
        reward=free_play("1.00"),
        group="extras",
    ),
)

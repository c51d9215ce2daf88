from decimal import Decimal
from typing import Any

from django.db import migrations

# code: name, house edge, contribution weight. The edges are the documented defaults; staff edit them.
GAME_CATEGORIES = {
    "slots": ("Slots", "0.05", "1"),
    "roulette": ("Roulette", "0.027", "0.5"),
    "blackjack": ("Blackjack", "0.005", "0.1"),
    "poker": ("Poker", "0.05", "0.5"),
    "other": ("Other", "0.05", "1"),
}
TIERS = {
    "BRONZE": (0, 999, {"cashback_multiplier": "1.0"}),
    "SILVER": (1000, 9999, {"cashback_multiplier": "1.2", "free_plays": 2}),
    "GOLD": (10000, 49999, {"cashback_multiplier": "1.5", "free_plays": 5, "tournament_tickets": 1}),
    "PLATINUM": (
        50000,
        None,
        {
            "cashback_multiplier": "2.0",
            "free_plays": 10,
            "tournament_tickets": 3,
            "perks": ["Personal account manager", "Priority withdrawals"],
        },
    ),
}


def write_rows(apps: Any, schema_editor: Any) -> None:
    category_model = apps.get_model("players", "GameCategory")
    category_model.objects.bulk_create(
        category_model(
            code=code,
            name=name,
            house_edge_rate=Decimal(edge),
            contribution_weight=Decimal(weight),
            lp_per_unit_staked=Decimal("0.1"),
        )
        for code, (name, edge, weight) in GAME_CATEGORIES.items()
    )
    tier_model = apps.get_model("players", "Tier")
    tier_model.objects.bulk_create(
        tier_model(tier_level=level, lp_min=lp_min, lp_max=lp_max, benefits=benefits)
        for level, (lp_min, lp_max, benefits) in TIERS.items()
    )


class Migration(migrations.Migration):
    dependencies = [("players", "0004_night_bookkeeping")]
    operations = [migrations.RunPython(write_rows, migrations.RunPython.noop)]

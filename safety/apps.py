from django.apps import AppConfig


class SafetyConfig(AppConfig):
    name = "safety"
    verbose_name = "Safety"

    def ready(self) -> None:
        """Let no tier be saved whose multiplier makes points from play worth more than the house keeps."""
        from players.tiers import require_of_tiers
        from safety.earn_rates import check_tier_multipliers

        require_of_tiers(check_tier_multipliers)

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    verbose_name = "House"

    def ready(self) -> None:
        """Make the Celery app the current one before anybody calls a shared task."""
        from loyalty.celery import app

        app.set_default()

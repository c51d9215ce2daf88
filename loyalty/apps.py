from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    verbose_name = "House"

    def ready(self) -> None:
        """Make the Celery app the current one before a shared task is called, and have beat's schedule installed."""
        from loyalty.celery import app
        from loyalty.schedule import install_schedule

        app.set_default()
        # Sent for apps with models only, hence that of the schedule's own.
        post_migrate.connect(install_schedule, sender=apps.get_app_config("django_celery_beat"))

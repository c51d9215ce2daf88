"""What beat starts by itself. Staff change times in the admin; what they changed is left alone."""

from typing import Any

from django.conf import settings
from django_celery_beat.models import CrontabSchedule, PeriodicTask

NIGHT_TASK = "loyalty.tasks.night"
_NIGHT_HOUR, _NIGHT_MINUTE = "3", "15"


def install_schedule(**_: Any) -> None:
    """Schedule the night unless it is scheduled; a receiver of `post_migrate`, so that production has it too.

    At a quarter past three, because the activity of a business date may arrive until some hours after its midnight.
    """
    if PeriodicTask.objects.filter(task=NIGHT_TASK).exists():
        return
    every_night, _created = CrontabSchedule.objects.get_or_create(
        minute=_NIGHT_MINUTE,
        hour=_NIGHT_HOUR,
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone=settings.TIME_ZONE,
    )
    PeriodicTask.objects.create(
        name="The night",
        task=NIGHT_TASK,
        crontab=every_night,
        description="Runs the night of yesterday's business date: measure, segment, rank, reward, reconcile.",
    )

"""What beat starts by itself. Staff change times in the admin; what they changed is left alone."""

from typing import Any

from django.conf import settings
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

NIGHT_TASK = "loyalty.tasks.night"
RESTRICTIONS_TASK = "loyalty.tasks.restrictions_due"
_NIGHT_HOUR, _NIGHT_MINUTE = "3", "15"


def install_schedule(**_: Any) -> None:
    """Schedule what is not scheduled yet; a receiver of `post_migrate`, so that production has it too."""
    _schedule_night()
    _schedule_restrictions()


def _schedule_night() -> None:
    """At a quarter past three: the activity of a business date may arrive until some hours after its midnight."""
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


def _schedule_restrictions() -> None:
    if PeriodicTask.objects.filter(task=RESTRICTIONS_TASK).exists():
        return
    every_minute, _created = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.create(
        name="Restrictions that begin or end",
        task=RESTRICTIONS_TASK,
        interval=every_minute,
        description="Cancels the bonuses of players whose restriction begins, and keeps who is blocked up to date.",
    )

"""Beat runs the night without anybody setting it up."""

import pytest
from celery import current_app
from django_celery_beat.models import PeriodicTask

from loyalty.schedule import NIGHT_TASK, RESTRICTIONS_TASK, install_schedule
from loyalty.tasks import restrictions_due
from players.tests.factories import make_alice, restrict

pytestmark = pytest.mark.django_db


def test_migrating_schedules_the_night() -> None:
    night = PeriodicTask.objects.get(task=NIGHT_TASK)

    assert night.enabled
    assert (night.crontab.hour, night.crontab.minute) == ("3", "15")
    assert str(night.crontab.timezone) == "UTC"


def test_migrating_schedules_what_begins_and_ends() -> None:
    task = PeriodicTask.objects.get(task=RESTRICTIONS_TASK)

    assert task.enabled
    assert (task.interval.every, task.interval.period) == (1, "minutes")


def test_what_is_due_takes_effect_by_the_task() -> None:
    restrict(make_alice(), "BLOCKED")

    assert restrictions_due()["restrictions"] == 1


def test_the_scheduled_task_exists() -> None:
    current_app.loader.import_default_modules()

    assert set(PeriodicTask.objects.exclude(name__startswith="celery.").values_list("task", flat=True)) <= set(
        current_app.tasks
    )


def test_a_schedule_that_staff_changed_is_left_alone() -> None:
    PeriodicTask.objects.filter(task=NIGHT_TASK).update(enabled=False)

    install_schedule()

    assert PeriodicTask.objects.get(task=NIGHT_TASK).enabled is False

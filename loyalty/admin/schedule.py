"""What beat starts and when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django_celery_beat import admin as library
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.admin.base import HouseAdmin

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class TaskSelectWidget(UnfoldAdminSelectWidget, library.TaskSelectWidget):
    """The library's list of tasks in the house's look."""


class PeriodicTaskForm(library.PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(library.PeriodicTaskAdmin, HouseAdmin):
    form = PeriodicTaskForm


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(library.IntervalScheduleAdmin, HouseAdmin):
    pass


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(library.CrontabScheduleAdmin, HouseAdmin):
    pass


@admin.register(SolarSchedule)
class SolarScheduleAdmin(HouseAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(library.ClockedScheduleAdmin, HouseAdmin):
    pass

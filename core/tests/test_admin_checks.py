"""Actions' permissions are checked where they are declared, so that an upgrade can migrate before they are stored."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import call_command
from unfold.admin import ModelAdmin
from unfold.decorators import action

from core.admin.checks import HouseAdminChecks
from core.models import Run


@pytest.mark.django_db
def test_the_checks_pass_on_a_database_that_knows_no_permission_yet() -> None:
    Permission.objects.all().delete()

    call_command("check")


def test_a_permission_nobody_declares_is_named() -> None:
    class RunAdmin(ModelAdmin):
        actions_detail = ("stop", "look")
        checks_class = HouseAdminChecks

        @action(description="Stop", permissions=["core.stop_everything"])
        def stop(self) -> None: ...

        @action(description="Look", permissions=["core.view_run"])
        def look(self) -> None: ...

    (error,) = HouseAdminChecks()._check_unfold_action_permission_methods(RunAdmin(Run, admin.site))

    assert "'core.stop_everything'" in error.msg

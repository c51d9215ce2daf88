"""The admin's system checks, on a database that may not have its tables yet."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.db import DatabaseError
from unfold.checks import UnfoldModelAdminChecks


class HouseAdminChecks(UnfoldModelAdminChecks):
    """Unfold looks actions' permissions up in the database: before the first migration none are there to be found."""

    def _check_unfold_action_permission_methods(self, obj: Any) -> list[CheckMessage]:
        try:
            return list(super()._check_unfold_action_permission_methods(obj))
        except DatabaseError:
            return []

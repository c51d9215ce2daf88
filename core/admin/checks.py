"""The admin's system checks, which must hold before a database has been migrated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage, Error
from unfold.checks import UnfoldModelAdminChecks


class HouseAdminChecks(UnfoldModelAdminChecks):
    """Unfold looks actions' permissions up in the database, where a new one is only once `migrate` has run.

    Here they are looked up where they are declared, so that an upgrade can migrate at all.
    """

    def _check_unfold_action_permission_methods(self, obj: Any) -> list[CheckMessage]:
        return [
            Error(
                f"{type(obj).__name__}: the action {action.action_name!r} asks for {permission!r}, which is declared "
                "neither by a model's Meta nor as a method of the admin",
                obj=type(obj),
                id="admin.E129",
            )
            for action in _actions_of(obj)
            for permission in getattr(action.method, "allowed_permissions", ())
            if not _is_declared(obj, permission)
        ]


def _actions_of(obj: Any) -> Iterator[Any]:
    for place in ("list", "detail", "row", "submit_line"):
        yield from getattr(obj, f"_get_base_actions_{place}")()


def _is_declared(obj: Any, permission: str) -> bool:
    app_label, _, codename = permission.rpartition(".")
    return codename in _codenames(app_label) if app_label else hasattr(obj, f"has_{permission}_permission")


def _codenames(app_label: str) -> set[str]:
    """Return the permissions that the models of an app declare, Django's four included."""
    declared = set()
    for model in apps.get_app_config(app_label).get_models():
        declared |= {codename for codename, _ in model._meta.permissions}
        declared |= {get_permission_codename(action, model._meta) for action in model._meta.default_permissions}
    return declared

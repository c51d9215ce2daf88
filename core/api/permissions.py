"""Who may call an endpoint: the same permissions as in the admin, by HTTP method."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class MethodPermissions(BasePermission):
    """Ask for the permission that the view names for the method in `permissions_by_method`.

    A method that the view does not name is nobody's: forgetting one closes the endpoint instead of opening it.
    """

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the user is logged in and may use the method."""
        if not request.user.is_authenticated:
            return False
        if request.method == "OPTIONS":
            return True
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = view.permissions_by_method.get(method)
        if needed is None:
            return method not in view.allowed_methods  # answered with 405 by the view itself
        return bool(request.user.has_perm(needed))

"""The base of every endpoint."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import User
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, NotFound, ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.limits import RequestLimit
from core.api.permissions import MethodPermissions
from core.api.serializers import RequestSerializer
from core.strict_json import is_storable


class NoQuery(RequestSerializer):
    """An endpoint without query parameters."""


class Endpoint(APIView):
    """A view that names its permissions and query parameters; what nobody reads is refused, not ignored."""

    permission_classes = [MethodPermissions]
    permissions_by_method: ClassVar[dict[str, str]] = {}
    query_by_method: ClassVar[dict[str, type[RequestSerializer]]] = {}
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check log-in, permission, address and query before the view itself begins."""
        try:
            super().initial(request, *args, **kwargs)
        except (NotAuthenticated, AuthenticationFailed):
            RequestLimit().count_unknown(request)
            raise
        if not all(is_storable(str(value)) for value in kwargs.values()):
            raise NotFound
        self.query = read_query(request, self.query_by_method.get(str(request.method), NoQuery))


def user_of(request: Request) -> User:
    """Return who is logged in; the permissions let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def read_body(request: Request, serializer: type[RequestSerializer]) -> dict[str, Any]:
    """Return the validated body. Raises ValidationError with everything that is wrong."""
    return _validated(serializer(data=request.data))


def read_query(request: Request, serializer: type[RequestSerializer]) -> dict[str, Any]:
    """Return the validated query parameters. Raises ValidationError for unknown, repeated and wrong ones."""
    for name, values in request.query_params.lists():
        if not (is_storable(name) and all(is_storable(value) for value in values)):
            raise ParseError("The address holds a NUL character.")
        if len(values) > 1:
            raise ValidationError({name: ["This parameter is given more than once."]})
    return _validated(serializer(data=request.query_params.dict()))


def _validated(reader: RequestSerializer) -> dict[str, Any]:
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values

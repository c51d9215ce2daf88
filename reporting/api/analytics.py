"""Figures in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import Endpoint
from reporting.dashboard import dashboard_figures


class DashboardSerializer(serializers.Serializer[Any]):
    """The last night's figures; see docs/api.md for what each key means."""

    as_of = serializers.DateField(allow_null=True, help_text="Business date; null before the first night.")
    figures = serializers.DictField(allow_null=True, help_text="players, segments, play, rewards, liability")
    last_night = serializers.DictField(allow_null=True)
    open_imports = serializers.ListField(child=serializers.DictField())


class Dashboard(Endpoint):
    """The key figures."""

    permissions_by_method = {"GET": "reporting.view_dailysummary"}

    @extend_schema(operation_id="analytics_dashboard", responses=DashboardSerializer)
    def get(self, request: Request) -> Response:
        """Show the key figures of the last night, its steps, and the imports under way."""
        return Response(dashboard_figures())

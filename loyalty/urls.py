"""Every address of the house."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from loyalty.monitoring import HouseHealthView, metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("loyalty.api.urls")),
    path("health/", HouseHealthView.as_view(), name="health"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "loyalty.api.errors.bad_request"
handler403 = "loyalty.api.errors.permission_denied"
handler404 = "loyalty.api.errors.page_not_found"
handler500 = "loyalty.api.errors.server_error"

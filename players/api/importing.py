"""The import of spreadsheets in the API: upload, then ask how far it is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.background import run_soon
from core.errors import NotFoundError
from players.importing.dates import DateOrder
from players.importing.jobs import start_import
from players.importing.numbers import DecimalSign
from players.importing.options import ImportOptions
from players.models import ImportJob
from players.tasks import run_import_job

_FORM_BYTES_MAX = 64 * 1024  # what surrounds the file in the body


class FileTooLargeError(APIException):
    """Raised before a body is read that cannot hold an acceptable file."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class ImportRequestSerializer(RequestSerializer):
    """A file and what may be settled about it; see ImportOptions for what each option means."""

    file = serializers.FileField()
    as_of = serializers.DateField(required=False, help_text="Business date of the totals; today where it is not given.")
    skip_bad_rows = serializers.BooleanField(required=False)
    allow_decrease = serializers.BooleanField(required=False)
    force = serializers.BooleanField(required=False)
    sheet = TextField(required=False, max_length=200)
    encoding = TextField(required=False, max_length=40)
    delimiter = TextField(required=False, max_length=1, trim_whitespace=False)
    decimal_sign = serializers.ChoiceField(choices=[sign.value for sign in DecimalSign if sign.value], required=False)
    date_order = serializers.ChoiceField(choices=[order.value for order in DateOrder if order.value], required=False)


class ImportJobSerializer(serializers.ModelSerializer[ImportJob]):
    """An import; `status` is PENDING, RUNNING, SUCCEEDED, DUPLICATE or FAILED, `errors` name row, column and value."""

    job_id = serializers.IntegerField(source="pk")

    class Meta:
        model = ImportJob
        fields = (
            "job_id",
            "file_name",
            "status",
            "phase",
            "progress_percent",
            "business_date",
            "counts",
            "notices",
            "errors",
            "duplicate_of",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class ImportUpload(Endpoint):
    """Where spreadsheets go."""

    parser_classes = [MultiPartParser]
    permissions_by_method = {"POST": "players.add_importjob"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large by its stated length, before a byte of it is stored."""
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.UPLOAD_BYTES_MAX + _FORM_BYTES_MAX:
            limit = settings.UPLOAD_BYTES_MAX // (1024 * 1024)
            raise FileTooLargeError(f"The file is too large: at most {limit:,} MB can be uploaded.")

    @extend_schema(
        operation_id="import_excel",
        request={"multipart/form-data": ImportRequestSerializer},
        responses={202: ImportJobSerializer},
    )
    def post(self, request: Request) -> Response:
        """Accept a spreadsheet; ask `/api/import/status/{job_id}` what becomes of it."""
        options = read_body(request, ImportRequestSerializer)
        file = options.pop("file")
        job = start_import(file=file, name=file.name, uploaded_by=user_of(request), options=_options(options))
        run_soon(run_import_job, job.pk)
        job.refresh_from_db()
        return Response(ImportJobSerializer(job).data, status=status.HTTP_202_ACCEPTED)


class ImportStatus(Endpoint):
    """How far an import is."""

    permissions_by_method = {"GET": "players.view_importjob"}

    @extend_schema(operation_id="import_status", responses=ImportJobSerializer)
    def get(self, request: Request, job_id: int) -> Response:
        """Show an import with its counts, notices and errors."""
        job = ImportJob.objects.filter(pk=job_id).first()
        if job is None:
            raise NotFoundError(f"there is no import {job_id}", job_id=job_id)
        return Response(ImportJobSerializer(job).data)


def _options(given: dict[str, Any]) -> ImportOptions:
    return ImportOptions(
        **{
            **given,
            "decimal_sign": DecimalSign(given.get("decimal_sign", "")),
            "date_order": DateOrder(given.get("date_order", "")),
        }
    )

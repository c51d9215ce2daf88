"""The one shape of every error: {"error": {"code", "message", "details": [...]}}.

`code` is stable and for programs, `message` is for people, `details` lists each thing that is wrong: `field` (a path
such as `conditions.all[0].net_loss_min`), `message`, and whatever figures belong to it.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.api.parsers import BodyTooLargeError
from core.errors import LoyaltyError

Detail = dict[str, Any]


def answer_error(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Turn any expected error of a view into an answer; DRF calls this. Others end as a 500 by `server_error`."""
    if isinstance(error, LoyaltyError):
        set_rollback()
        return Response(body(error.code, error.message, loyalty_details(error)), status=error.status)
    error = _as_api_exception(error)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return Response(_body_of(error), status=error.status_code, headers=_headers_of(error))


def body(code: str, message: str, details: list[Detail] | None = None) -> dict[str, Any]:
    """Return the one shape."""
    return {"error": {"code": code, "message": message, "details": details or []}}


def loyalty_details(error: LoyaltyError) -> list[Detail]:
    """List the problems of an error of ours, or its figures as one detail."""
    problems = error.details.get("problems")
    if isinstance(problems, list):
        return [{"field": p.get("path", ""), **{k: v for k, v in p.items() if k != "path"}} for p in problems]
    return [json.loads(json.dumps(error.details, default=str))] if error.details else []


def _as_api_exception(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return BodyTooLargeError()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError("The request could not be read.")
    return error


def _body_of(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        details = validation_details(error.detail)
        shown = "; ".join(f"{d['field']}: {d['message']}" if d["field"] else d["message"] for d in details[:3])
        more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
        return body("invalid_input", shown + more, details)
    if isinstance(error.detail, dict):  # simplejwt's errors carry a dictionary
        return body(str(error.detail.get("code", error.default_code)), str(error.detail.get("detail", error)))
    code = getattr(error.detail, "code", None) or error.default_code
    return body(_CODES.get(code, code), str(error.detail), getattr(error, "details", None))


_CODES = {"parse_error": "malformed_request", "authentication_failed": "not_authenticated"}


def validation_details(detail: Any, *, field: str = "") -> list[Detail]:
    """Flatten DRF's nested messages into a list with paths."""
    if isinstance(detail, dict):
        return [d for key, value in detail.items() for d in validation_details(value, field=_path(field, str(key)))]
    if isinstance(detail, list):
        nested = [value for value in detail if isinstance(value, dict)]
        if nested:
            return [
                d for index, value in enumerate(detail) for d in validation_details(value, field=f"{field}[{index}]")
            ]
        return [d for value in detail for d in validation_details(value, field=field)]
    return [{"field": field, "message": str(detail), "code": str(getattr(detail, "code", "invalid"))}]


def _path(parent: str, key: str) -> str:
    if key == "non_field_errors":
        return parent
    return f"{parent}.{key}" if parent else key


def _headers_of(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _is_for_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refused before a view was reached."""
    if _is_for_api(request):
        return JsonResponse(body("malformed_request", "The request could not be read."), status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a refusal outside DRF."""
    if _is_for_api(request):
        return JsonResponse(body("permission_denied", "Your role does not allow this."), status=403)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    if _is_for_api(request):
        return JsonResponse(body("not_found", "There is nothing at this address; see /api/docs/."), status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer our own mistakes; the log has the reason, found by the request's id."""
    if _is_for_api(request):
        return JsonResponse(
            body("server_error", "Something went wrong on our side; the log has the reason."), status=500
        )
    return defaults.server_error(request)

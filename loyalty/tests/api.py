"""Calling the API as a user of a role, with a token as integrators do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

Answer = tuple[int, Any]


class ApiUser:
    """Sends JSON with a bearer token and returns status and body."""

    def __init__(self, user: User | None) -> None:
        self.headers = {"Authorization": f"Bearer {AccessToken.for_user(user)}"} if user else {}
        self.client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request; a body that is bytes or text goes out as it is."""
        response = self.client.generic(
            method,
            path,
            data=body if isinstance(body, bytes | str) else _json(body),
            content_type="application/json",
            headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )
        return response.status_code, response.json() if response.content else None

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any) -> Answer:
        return self.send("PUT", path, body)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def upload(self, path: str, data: dict[str, Any]) -> Answer:
        """Send a form with a file."""
        response = self.client.post(path, data=data, headers=self.headers)
        return response.status_code, response.json()


def _json(body: Any) -> str:
    import json

    return "" if body is None else json.dumps(body)


def error_of(answer: Answer) -> dict[str, Any]:
    """Return the error of an answer in the one shape; fails where it has another."""
    _, body = answer
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "details"}, body
    assert isinstance(body["error"]["details"], list)
    error: dict[str, Any] = body["error"]
    return error

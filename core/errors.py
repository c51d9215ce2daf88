"""The errors that people read: what was wrong, where, and what would be right."""

from __future__ import annotations

from typing import Any


class LoyaltyError(Exception):
    """The root of every error this project raises on purpose.

    `code` is stable and machine-readable, `details` carries the figures, `status` is the HTTP status an edge answers
    with.
    """

    code = "error"
    status = 400

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidInputError(LoyaltyError):
    """Raised when a value a caller gave cannot be used; nothing was written."""

    code = "invalid_input"
    status = 422


class NotFoundError(LoyaltyError):
    """Raised when the named thing does not exist."""

    code = "not_found"
    status = 404


class ConflictError(LoyaltyError):
    """Raised when the request contradicts what is already stored."""

    code = "conflict"
    status = 409


class RefusedError(LoyaltyError):
    """Raised when a rule of the house forbids an otherwise well-formed request."""

    code = "refused"
    status = 409

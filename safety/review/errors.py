"""What a step of a review case may be refused for."""

from __future__ import annotations

from core.errors import ConflictError, RefusedError


class ReviewStatusError(ConflictError):
    """Raised for a step that the case's status or assignment does not lead to; `details` names both."""

    code = "review_status"


class ReviewOutdatedError(ConflictError):
    """Raised when what is to be decided is not what was looked at; `details` names the signals that joined or left."""

    code = "review_outdated"


class AnotherReviewerNeededError(RefusedError):
    """Raised when whoever decided a case before would also decide its appeal."""

    code = "second_person_needed"


class AppealRefusedError(RefusedError):
    """Raised when a case cannot be appealed any more; `details` carries the limit."""

    code = "appeal_refused"

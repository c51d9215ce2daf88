"""What a step in the life of a rule may be refused for."""

from __future__ import annotations

from core.errors import ConflictError, RefusedError


class RuleStatusError(ConflictError):
    """Raised for a step that the rule's status does not lead to; `details` names the status."""

    code = "rule_status"


class RuleNotInForceError(ConflictError):
    """Raised when a rule is to give something and is not active, out of its dates, or waits for something to happen."""

    code = "rule_not_in_force"


class ApprovalOutdatedError(ConflictError):
    """Raised when what is to be decided is not what waits any more; it must be looked at again."""

    code = "approval_outdated"


class EditorMayNotApproveError(RefusedError):
    """Raised when who edited or submitted a version would also approve it; `details` names everybody who did."""

    code = "second_person_needed"


class ApprovalNeededError(RefusedError):
    """Raised for a step that only an approval leads to."""

    code = "approval_needed"

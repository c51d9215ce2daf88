"""What may be wrong with what is asked of a restriction."""

from core.errors import ConflictError, RefusedError


class AlreadyRestrictedError(ConflictError):
    """Raised when the same source has imposed the same on the player already; `details` names the restriction."""

    code = "already_restricted"


class ReferenceReusedError(ConflictError):
    """Raised when a source's reference stands for another restriction."""

    code = "reference_reused"


class RestrictionEndedError(ConflictError):
    """Raised for a restriction that has ended already; `details` says when."""

    code = "restriction_ended"


class RestrictionNotLiftableError(RefusedError):
    """Raised when a restriction cannot end that early, whoever asks; `details` says from when on."""

    code = "restriction_not_liftable"


class SecondPersonNeededError(RefusedError):
    """Raised when one person would end what takes two."""

    code = "second_person_needed"


class LiftRequestError(ConflictError):
    """Raised for a second wish to lift beside an open one, or a decision where none is open."""

    code = "lift_request"

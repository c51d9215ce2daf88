"""How complete a player's profile is."""

from __future__ import annotations

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable

_TEXTS = ("name", "country", "language", "gender")
_OTHERS = ("email", "age", "registered_on", "kyc_completed_at")


def profile_depth_expression() -> Combinable:
    """Return the share of a profile that is filled in, 0–100, over the columns of a row of players."""
    filled = [~Q(**{name: ""}) for name in _TEXTS] + [Q(**{f"{name}__isnull": False}) for name in _OTHERS]
    count: Combinable = Value(0)
    for condition in filled:
        count = count + Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())
    return count * Value(100) / Value(len(filled))

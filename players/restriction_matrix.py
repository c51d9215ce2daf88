"""What each restriction does to each kind of credit: the written matrix the posting core reads from its table."""

from __future__ import annotations

_GUARDED = ("SELF_EXCLUDED", "COOL_OFF", "RG_HARM", "BLOCKED")
_REFUSED = ("PROMOTION", "EARNED", "OPENING", "BET", "REDEMPTION")
_MARKED = ("SETTLEMENT", "REFUND", "REVERSAL", "ADJUSTMENT", "SPEND", "EXPIRY")

# (restriction, purpose) → effect; a pair that is missing is allowed. An opt-out refuses offers only.
RESTRICTION_MATRIX: dict[tuple[str, str], str] = {
    **{(kind, purpose): "REFUSE" for kind in _GUARDED for purpose in _REFUSED},
    **{(kind, purpose): "MARK" for kind in _GUARDED for purpose in _MARKED},
    ("MARKETING_OPT_OUT", "PROMOTION"): "REFUSE",
}

# Earlier migrations write the matrix above, whose purposes their constraints know; what came later is added here.
CURRENT_MATRIX: dict[tuple[str, str], str] = {
    **RESTRICTION_MATRIX,
    **{(kind, "ADDITION"): "REFUSE" for kind in _GUARDED},
}

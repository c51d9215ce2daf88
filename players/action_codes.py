"""The codes of what happens to players: a kind of activity such as DEPOSIT, an action such as KYC_COMPLETE.

Pure data, no Django.
"""

from __future__ import annotations

import re

CODE_LENGTH_MAX = 60
CODE_SHAPE = "capitals, digits and underscores, such as KYC_COMPLETE"
_CODE = re.compile(f"[A-Z][A-Z0-9_]{{0,{CODE_LENGTH_MAX - 1}}}", re.ASCII)


def is_action_code(code: str) -> bool:
    """Tell whether a code can name an action: capitals, digits and underscores, a letter first."""
    return bool(_CODE.fullmatch(code))

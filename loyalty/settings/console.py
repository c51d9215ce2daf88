"""The look of the admin."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Loyalty",
    "SITE_HEADER": "Loyalty & rewards",
    "SITE_SYMBOL": "loyalty",
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": True,
    "SIDEBAR": {"show_search": True, "command_search": True, "show_all_applications": True},
    "COMMAND": {"search_models": True, "show_history": True},
}

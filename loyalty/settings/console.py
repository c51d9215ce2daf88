"""The look of the admin."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Loyalty",
    "SITE_HEADER": "Loyalty & rewards",
    "SITE_SYMBOL": "loyalty",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "loyalty.console.favicon"}],
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": ["loyalty.console.stylesheet"],
    "DASHBOARD_CALLBACK": "loyalty.console.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "loyalty.console.navigation",
    },
    "COMMAND": {"search_models": False, "show_history": True, "search_callback": "loyalty.console.search"},
}
FORMAT_MODULE_PATH = ["loyalty.formats"]
LOGIN_REDIRECT_URL = "admin:index"

"""Django's settings. Importing them starts nothing: type checkers and build steps import them too."""

from loyalty.settings.api import REST_FRAMEWORK, SIMPLE_JWT, SPECTACULAR_SETTINGS
from loyalty.settings.background import *  # noqa: F403
from loyalty.settings.console import UNFOLD
from loyalty.settings.django import *  # noqa: F403
from loyalty.settings.observability import LOGGING

__all__ = ["LOGGING", "REST_FRAMEWORK", "SIMPLE_JWT", "SPECTACULAR_SETTINGS", "UNFOLD"]

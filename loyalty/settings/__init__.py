"""Django's settings. Importing them starts nothing: type checkers and build steps import them too."""

from loyalty.settings.api import *
from loyalty.settings.background import *
from loyalty.settings.base import *
from loyalty.settings.console import *
from loyalty.settings.observability import *

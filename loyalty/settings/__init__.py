"""Django's settings. Importing them starts nothing: type checkers and build steps import them too."""

import django_stubs_ext

from loyalty.settings.api import *
from loyalty.settings.background import *
from loyalty.settings.base import *
from loyalty.settings.console import *
from loyalty.settings.observability import *

# Lets Django's own classes carry type arguments at run time too: `Paginator[Player]`, `ModelAdmin[Player]`.
django_stubs_ext.monkeypatch()

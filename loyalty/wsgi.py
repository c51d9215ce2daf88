"""The entry point of web servers."""

import os

from django.core.wsgi import get_wsgi_application

from loyalty.embedded import start_needed_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
start_needed_servers()

application = get_wsgi_application()

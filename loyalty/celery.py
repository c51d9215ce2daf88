"""The Celery app; `celery -A loyalty worker` finds it here."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_process_init

from loyalty.embedded import start_needed_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

app = Celery("loyalty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def start_servers(**_: Any) -> None:
    """Start the embedded servers for a worker or beat, not for whoever merely imports this module."""
    start_needed_servers()


@worker_process_init.connect
def forget_inherited_connections(**_: Any) -> None:
    """A fork must not share its parent's connections: two processes would read each other's answers."""
    from django.db import connections

    connections.close_all()

"""Celery and its schedule."""

from core import environment
from loyalty.databases import broker_url

_TASK_HOURS_MAX = environment.integer("TASK_HOURS_MAX", default=6, minimum=1, maximum=48)

CELERY_BROKER_URL = broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A task that is not acknowledged within this time is given to another worker, so it must outlast the longest task:
# otherwise a long night would run twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": (_TASK_HOURS_MAX + 1) * 3600}
CELERY_TASK_TIME_LIMIT = _TASK_HOURS_MAX * 3600
# Tasks can be repeated without harm (each is a claim on a row), so a killed worker's tasks are given out again.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000  # kB
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SEND_SENT_EVENT = True
# What a task achieved stands in the database (a run, an import job); nobody reads Celery's own results.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = environment.time_zone("TIME_ZONE", default="UTC")
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

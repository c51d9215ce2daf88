"""Settings of the tests: the same database engine, nothing that needs Redis.

Outside the package of settings, because importing anything inside reads the environment first.
"""

import os
import tempfile
from pathlib import Path

from loyalty.databases import database_settings
from loyalty.tests import own_database

# The tests state what the defaults do; a developer's own `.env` must not change that.
os.environ.setdefault("ENV_FILE", "")
# In the environment, so that the workers of pytest-xdist inherit it; they append their own suffix.
os.environ.setdefault("TEST_DATABASE_NAME", own_database.own_name())

from loyalty.settings import *

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
DATABASES = {"default": database_settings()}
# A test that commits need not wait for the disk: its database does not outlive the run.
_SESSION = [DATABASES["default"]["OPTIONS"].get("options", ""), "-c synchronous_commit=off"]
DATABASES["default"]["OPTIONS"]["options"] = " ".join(_SESSION).strip()
DEBUG = False
HTTPS_ONLY = False
# Of this clone, user and worker: what one of them wrote another may be unable to replace.
_OWNER = f"{os.geteuid()}{os.environ.get('PYTEST_XDIST_WORKER', '')}"
LEDGER_DIGEST_FOLDER = Path(tempfile.gettempdir()) / f"{own_database.clone_prefix()}digests_{_OWNER}"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True

"""Apps, middleware, database, security and files."""

from typing import Any

from core import environment
from core.environment import PROJECT_FOLDER
from loyalty.databases import database_settings, redis_url
from loyalty.settings.secret import secret_key

DEBUG = environment.boolean("DEBUG", default=True)
SECRET_KEY = secret_key(is_development=DEBUG)
ALLOWED_HOSTS = environment.text_list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.text_list("CSRF_TRUSTED_ORIGINS")

ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"

INSTALLED_APPS = [
    # Ours come first: their templates and management commands win over those of the libraries.
    "loyalty",
    "reporting",
    "merchants",
    "rewards",
    "safety",
    "wallet",
    "players",
    "core",
    # unfold dresses the admin, hence before it.
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework_simplejwt",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "import_export",
    "pgtrigger",
    "pghistory",
    "pghistory.admin",
    "django_celery_beat",
    "health_check",
    "django_prometheus",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "loyalty.request_log.RequestLogMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT_FOLDER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database_settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(),
        "KEY_PREFIX": "loyalty",
        "OPTIONS": {"socket_timeout": 2},
    },
}

QUEUE_URL = redis_url()
"""Where Redis is, for whoever speaks to it without Celery."""

LANGUAGE_CODE = "en"
TIME_ZONE = environment.time_zone("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = environment.path("STATIC_ROOT", default=PROJECT_FOLDER / "var" / "static")
MEDIA_ROOT = environment.path("MEDIA_ROOT", default=PROJECT_FOLDER / "var" / "media")
LEDGER_DIGEST_FOLDER = environment.path("LEDGER_DIGEST_FOLDER", default=PROJECT_FOLDER / "var" / "digests")
"""Where the night exports the heads of the ledger to."""
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = DEBUG

UPLOAD_BYTES_MAX = environment.integer("UPLOAD_BYTES_MAX", default=200 * 1024 * 1024, minimum=1024)
"""Largest spreadsheet that may be uploaded."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"

HTTPS_ONLY = environment.boolean("HTTPS_ONLY", default=not DEBUG)
"""Whether every visitor arrives by HTTPS, directly or through a proxy that says so."""
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health/$", r"^metrics$"]  # probes inside the network speak plain HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_AGE = environment.integer("SESSION_HOURS", default=12, minimum=1, maximum=720) * 3600
X_FRAME_OPTIONS = "DENY"

METRICS_TOKEN = environment.text("METRICS_TOKEN", default=None)
"""Whoever reads /metrics from elsewhere than this machine must show it as a bearer token."""

"""The HTTP API: who may call, how answers are cut into pages, how it is documented."""

from datetime import timedelta
from typing import Any

from core import environment

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # Tokens first: their challenge makes a missing log-in a 401 instead of a 403.
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["core.api.limits.RequestLimit"],
    "NUM_PROXIES": environment.integer("API_PROXIES", default=0, minimum=0, maximum=10),
    "EXCEPTION_HANDLER": "loyalty.api.errors.answer_error",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}

API_REQUESTS_PER_MINUTE = environment.integer("API_REQUESTS_PER_MINUTE", default=0, minimum=0, maximum=1_000_000)
"""Of one user; here and below 0 is no limit."""
API_UNKNOWN_REQUESTS_PER_MINUTE = environment.integer(
    "API_UNKNOWN_REQUESTS_PER_MINUTE", default=0, minimum=0, maximum=1_000_000
)
"""Without a log-in, or with one that does not hold, from one address."""
API_LOGINS_PER_MINUTE = environment.integer("API_LOGINS_PER_MINUTE", default=0, minimum=0, maximum=1_000_000)
"""For tokens, from one address."""

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(
        minutes=environment.integer("ACCESS_TOKEN_MINUTES", default=30, minimum=1, maximum=1440)
    ),
    "REFRESH_TOKEN_LIFETIME": timedelta(
        hours=environment.integer("REFRESH_TOKEN_HOURS", default=12, minimum=1, maximum=720)
    ),
    "UPDATE_LAST_LOGIN": True,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Loyalty and reward programme",
    "DESCRIPTION": "Players, rules, wallet, import and analytics of the gaming loyalty programme.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/",
    "PREPROCESSING_HOOKS": ["loyalty.api.schema.without_slash_twins"],
    "COMPONENT_SPLIT_REQUEST": True,
    # Several answers have a key `status` or `currency`; without names they would be told apart by a hash.
    "ENUM_NAME_OVERRIDES": {
        "BetStatusEnum": "wallet.models.BetStatus",
        "BonusStatusEnum": "wallet.models.BonusStatus",
        "CurrencyEnum": "wallet.models.CurrencyType",
        "RedemptionStatusEnum": "rewards.models.redemption.RedemptionStatus",
        "RuleStatusEnum": "rewards.models.RuleStatus",
        "SpendableCurrencyEnum": "wallet.api.spending.SPENDABLE",
    },
}

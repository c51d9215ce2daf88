"""Logging in for a token, counted apart from other requests: here passwords are tried."""

from __future__ import annotations

from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView


class TokenObtain(TokenObtainPairView):
    """A token for a name and a password."""

    limit = "logins"


class TokenRefresh(TokenRefreshView):
    """A new token for one that ends."""

    limit = "logins"

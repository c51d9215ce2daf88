"""The wallet in the API."""

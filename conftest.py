"""What every test run needs: a database of its own on the embedded server."""

import os

import pytest

# The tests state what the defaults do; a developer's own `.env` must not change that.
os.environ.setdefault("ENV_FILE", "")

from loyalty.embedded import start_needed_servers, stop_when_unused
from loyalty.tests import databases

# Set before Django reads its settings and inherited by the workers of pytest-xdist, which append their own suffix.
os.environ.setdefault("TEST_DATABASE_NAME", databases.own_name())


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the server before pytest-django sets Django up."""
    start_needed_servers(with_redis=False)
    if not hasattr(config, "workerinput"):
        databases.drop_abandoned()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running behind."""
    stop_when_unused()

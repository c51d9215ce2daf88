"""What every test run needs: a database of its own on the embedded server."""

import pytest
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from loyalty.embedded import start_needed_servers, stop_when_unused
from loyalty.tests import own_database, restoring, template_database


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the server before anything connects."""
    start_needed_servers(with_redis=False)
    if not hasattr(config, "workerinput"):
        own_database.drop_abandoned()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests: a worker that comes to one last works on alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where workers will share the tests, have the database that they copy made meanwhile."""
    if session.config.pluginmanager.hasplugin("dsession"):
        template_database.make_beside()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running behind."""
    template_database.wait_until_made()
    stop_when_unused()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Copy the database that the migrations made, and have tests that commit leave it like that."""
    with django_db_blocker.unblock():
        with template_database.ready_to_copy():
            request.getfixturevalue("django_db_setup")
        restoring.remember()
    TransactionTestCase._fixture_teardown = restoring.restore_after  # type: ignore[attr-defined]

"""Django's migrate, run as the role that owns the tables where there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from loyalty.databases import migration_address


class Command(migrate.Command):
    """Migrate with MIGRATE_DATABASE_URL, so that the house itself can run as a role that may not alter its ledger."""

    def handle(self, *args: Any, **options: Any) -> None:
        with connected_as_owner(options["database"]):
            super().handle(*args, **options)


@contextmanager
def connected_as_owner(alias: str) -> Iterator[None]:
    """Connect as the owner for a while; the usual role's connections are opened anew afterwards."""
    address = migration_address()
    if address is None:
        yield
        return
    connection = connections[alias]
    usual = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(address)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)

"""Django's migrate, run as the role that owns the tables where there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.checks import Tags
from django.core.management.commands import migrate
from django.db import connection, connections
from django.utils import timezone

from core.partitions import ensure_month_partitions
from loyalty.databases import migration_address
from loyalty.house_role import grant_to_house_role


class Command(migrate.Command):
    """Migrate with MIGRATE_DATABASE_URL, so that the house itself can run as a role that may not alter its ledger.

    After a full migration the owner gives the house's role its rights, and makes the partitions that only it can make.
    """

    # The admin's checks read the permissions, which a new database does not have before its first migration.
    requires_system_checks = [Tags.models]

    def handle(self, *args: Any, **options: Any) -> None:
        is_full = not (options["app_label"] or options["plan"] or options["check_unapplied"])
        with connected_as_owner(options["database"]) as house_role:
            super().handle(*args, **options)
            if house_role and is_full:
                make_partitions()
                grant_to_house_role(house_role)


@contextmanager
def connected_as_owner(alias: str) -> Iterator[str | None]:
    """Connect as the owner for a while and yield the usual role's name; without an owner change nothing, yield None."""
    address = migration_address()
    if address is None:
        yield None
        return
    current = connections[alias]
    usual = dict(current.settings_dict)
    current.close()
    current.settings_dict.update(address)
    try:
        yield usual["USER"]
    finally:
        current.close()
        current.settings_dict.update(usual)


def make_partitions() -> None:
    """Make the partitions of the months ahead for every table that has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM month_partitioned_tables")
        tables = [table for (table,) in cursor.fetchall()]
    for table in tables:
        ensure_month_partitions(table=table, today=timezone.localdate())

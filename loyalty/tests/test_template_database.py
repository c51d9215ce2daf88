"""The kept database is copied only where the migrations that made it are those that would be run now."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.environment import PROJECT_FOLDER
from loyalty.tests import own_database, template_database


@pytest.mark.parametrize(
    "path",
    [
        "wallet/migrations/0001_initial.py",
        "wallet/sql/posting/4_post.sql",
        "players/countries.txt",
        "wallet/ledger_shape.py",
        "players/models/restrictions.py",
        "core/partitions.py",
    ],
)
def test_what_migrations_read_or_import_is_found(path: str) -> None:
    assert PROJECT_FOLDER / path in template_database._files_read()


def test_another_text_of_a_migration_is_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "0001_initial.py"
    monkeypatch.setattr(template_database, "_files_read", lambda: {file})
    file.write_text("operations = []")
    first, again = template_database.template_name(), template_database.template_name()

    file.write_text("operations = [None]")

    assert first == again
    assert template_database.template_name() != first


def test_it_is_nobodys_so_that_no_run_drops_it_as_abandoned() -> None:
    assert own_database._has_living_owner(template_database.template_name())


@pytest.mark.django_db
def test_the_runs_own_database_is_a_copy_with_every_migration() -> None:
    executor = MigrationExecutor(connection)

    assert connection.settings_dict["TEST"]["TEMPLATE"].startswith(own_database.clone_prefix())
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []

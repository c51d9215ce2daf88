"""Every test finds the database as the migrations left it, and the run's database is its own."""

import os

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from loyalty.tests import own_database


@pytest.mark.django_db
def test_the_database_is_named_after_this_run() -> None:
    name = connection.settings_dict["NAME"]

    assert name.startswith(own_database.clone_prefix())
    assert own_database._has_living_owner(name)
    assert name.startswith(os.environ["TEST_DATABASE_NAME"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "again"])
def test_what_a_test_commits_or_deletes_is_undone_for_the_next(time: str) -> None:
    assert Permission.objects.filter(codename="add_logentry").count() == 1
    assert not Permission.objects.filter(codename="made_by_a_test").exists()
    kept = Permission.objects.get(codename="add_logentry")

    Permission.objects.create(content_type=kept.content_type, codename="made_by_a_test", name=time)
    kept.delete()

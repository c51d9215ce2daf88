"""Page counts of large tables."""

import pytest
from django.db import connection

from core.admin import counting
from core.admin.counting import EstimatingPaginator, estimated_rows
from core.models import OutboxEvent


@pytest.fixture
def twelve_events(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNTED_MAX", 10)
    OutboxEvent.objects.bulk_create(
        OutboxEvent(topic="odd" if number % 2 else "even", key=str(number), payload={}) for number in range(12)
    )


def test_few_rows_are_counted_exactly(twelve_events: None) -> None:
    assert EstimatingPaginator(OutboxEvent.objects.filter(topic="odd"), 5).count == 6


def test_many_rows_of_a_whole_table_are_estimated(twelve_events: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outbox_events")

    assert EstimatingPaginator(OutboxEvent.objects.order_by("pk"), 5).count == 12


def test_without_statistics_the_pages_that_were_counted_are_shown(twelve_events: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = -1 WHERE relname = 'outbox_events'")

    assert EstimatingPaginator(OutboxEvent.objects.all(), 5).count == 10


def test_a_filtered_list_that_is_too_long_ends_where_counting_ended(twelve_events: None) -> None:
    assert EstimatingPaginator(OutboxEvent.objects.filter(pk__gt=0), 5).count == 10


def test_a_partitioned_table_is_estimated_by_its_partitions(db: None) -> None:
    with connection.cursor() as cursor:
        # Statistics are not undone with a test's rows, so each partition is given its own here.
        cursor.execute(
            "UPDATE pg_class SET reltuples = CASE oid WHEN 'transactions'::regclass THEN 1000 ELSE 3 END "
            "WHERE oid IN (SELECT relid FROM pg_partition_tree('transactions'))"
        )
        cursor.execute("SELECT count(*) FROM pg_partition_tree('transactions') WHERE isleaf")
        partitions = cursor.fetchone()[0]

    assert partitions > 1
    assert estimated_rows("transactions") == 3 * partitions

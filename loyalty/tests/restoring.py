"""Bring the test database back to what the migrations left, after a test that committed.

Django would truncate every table, which the ledger refuses, and would lose the rows that migrations wrote. Here these
are remembered once, and afterwards only tables that hold rows are emptied and filled again.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

_REMEMBER = """
DO $$
DECLARE name text; has_rows boolean;
BEGIN
    CREATE SCHEMA as_migrated;
    FOR name IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('CREATE TABLE as_migrated.%I AS SELECT * FROM public.%I', name, name);
        END IF;
    END LOOP;
END $$
"""
# Generated columns cannot be inserted; they compute themselves again.
_RESTORE = """
DO $$
DECLARE name text; has_rows boolean; columns text;
BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('DELETE FROM public.%I', name);
        END IF;
        IF to_regclass(format('as_migrated.%I', name)) IS NOT NULL THEN
            SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
                WHERE attrelid = format('public.%I', name)::regclass
                AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
            EXECUTE format('INSERT INTO public.%I (%s) SELECT %s FROM as_migrated.%I', name, columns, columns, name);
        END IF;
    END LOOP;
END $$
"""


def remember() -> None:
    """Keep a copy of every row the migrations wrote."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER)


def restore_after(_test_case: TransactionTestCase) -> None:
    """Make the tables hold those rows and no others, past triggers and foreign keys."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")  # a thread that a test forgot must not hang the run
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_RESTORE)

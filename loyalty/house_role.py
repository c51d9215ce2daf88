"""The rights of the role that the house runs as, where another role owns the tables.

It may read and write every table but alter none, and on the ledger it has no right to do what the ledger's triggers
refuse to everybody. A trigger can be dropped by the owner of its table; this role is not the owner.
"""

from django.db import connection
from psycopg import sql

# Partitions are written through their parents, whose rights count; their own stop at reading.
_TABLES = """
SELECT relname, relispartition FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
"""
_READING, _WRITING = "SELECT", "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"
# Bits of pg_trigger.tgtype: 8 delete, 16 update, 32 truncate.
_REFUSED = """
SELECT c.relname, bool_or(t.tgtype & 16 <> 0), bool_or(t.tgtype & 8 <> 0), bool_or(t.tgtype & 32 <> 0)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'refuse_ledger_change' AND NOT t.tgisinternal AND NOT c.relispartition
GROUP BY c.relname
"""
_OPERATIONS = ("UPDATE", "DELETE", "TRUNCATE")


def grant_to_house_role(role: str) -> None:
    """Give the role every right it needs and take away those it must not have; can be repeated after each migration."""
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for table, is_partition in cursor.fetchall():
            rights = _READING if is_partition else _WRITING
            cursor.execute(sql.SQL(f"GRANT {rights} ON {{}} TO {{}}").format(sql.Identifier(table), name))
        cursor.execute(_REFUSED)
        for table, *refused in cursor.fetchall():
            rights = ", ".join(right for right, is_refused in zip(_OPERATIONS, refused, strict=True) if is_refused)
            cursor.execute(sql.SQL(f"REVOKE {rights} ON {{}} FROM {{}}").format(sql.Identifier(table), name))
        cursor.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))

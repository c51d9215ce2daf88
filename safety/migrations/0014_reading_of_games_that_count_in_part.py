from django.db import migrations

_SHIPPED = "a requirement on deposit and bonus may not ask for more turnover than 10 × the bonus either."
_ADDED = (
    " Where games count in part, measured are the stakes that meet it at least, on the eligible game that counts most."
)
# The shipped reading alone: one that staff have changed is theirs.
READ_SQL = f"""
    UPDATE jurisdiction_limits SET reading = replace(reading, '{_SHIPPED}', '{_SHIPPED}{_ADDED}')
    WHERE jurisdiction_id = 'GB' AND kind = 'WAGERING_REQUIREMENT_MAX' AND reading LIKE '%{_SHIPPED}';
    UPDATE safety_jurisdictions SET content = replace(content::text, '{_SHIPPED}"', '{_SHIPPED}{_ADDED}"')::jsonb
    WHERE code = 'GB' AND version = 1
"""
UNREAD_SQL = f"""
    UPDATE jurisdiction_limits SET reading = replace(reading, '{_ADDED}', '')
    WHERE jurisdiction_id = 'GB' AND kind = 'WAGERING_REQUIREMENT_MAX';
    UPDATE safety_jurisdictions SET content = replace(content::text, '{_ADDED}', '')::jsonb
    WHERE code = 'GB' AND version = 1
"""


class Migration(migrations.Migration):
    """Say in Great Britain's profile how a requirement is read on games that count in part."""

    dependencies = [("safety", "0013_false_alarms_per_year"), ("players", "0019_corrected_restrictions")]
    operations = [migrations.RunSQL(READ_SQL, UNREAD_SQL)]

from django.db import migrations

# The profiles that the house ships with are their first versions.
FIRST_VERSIONS_SQL = """
    INSERT INTO safety_jurisdictions (code, version, content, status, reason)
    SELECT j.code, j.version, jsonb_build_object(
               'name', j.name, 'countries', to_jsonb(j.countries),
               'takes_unknown_countries', j.takes_unknown_countries, 'note', j.note,
               'limits', coalesce((
                   SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                              'kind', l.kind, 'value', trim_scale(l.value)::text, 'names', nullif(l.names, '{}'),
                              'unit', nullif(l.unit, ''), 'severity', l.severity, 'valid_from', l.valid_from,
                              'clause', l.clause, 'clause_says', l.clause_says, 'source_url', nullif(l.source_url, ''),
                              'is_our_reading', l.is_our_reading, 'reading', nullif(l.reading, '')))
                          ORDER BY l.id)
                   FROM jurisdiction_limits l WHERE l.jurisdiction_id = j.code), '[]')),
           'IN_FORCE', 'Shipped with the house'
    FROM jurisdictions j
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0010_jurisdictions"), ("players", "0014_shipped_jurisdictions")]
    operations = [migrations.RunSQL(FIRST_VERSIONS_SQL, "DELETE FROM safety_jurisdictions")]

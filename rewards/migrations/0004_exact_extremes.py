from django.db import migrations

CREATE_SQL = """
CREATE FUNCTION exact_min(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT least($1, $2) $$;
CREATE FUNCTION exact_max(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT greatest($1, $2) $$;
"""


class Migration(migrations.Migration):
    """The smaller and the larger of two numbers, unknown if either is: LEAST and GREATEST skip NULL."""

    dependencies = [("rewards", "0003_decision_reason")]
    operations = [
        migrations.RunSQL(CREATE_SQL, "DROP FUNCTION exact_min(numeric, numeric), exact_max(numeric, numeric)")
    ]

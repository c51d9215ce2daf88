from django.db import migrations


class Migration(migrations.Migration):
    """The list of tables that are partitioned by month, read when partitions are made ahead."""

    dependencies = [("core", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE TABLE month_partitioned_tables (table_name text PRIMARY KEY, partition_column text NOT NULL)",
            "DROP TABLE month_partitioned_tables",
        )
    ]

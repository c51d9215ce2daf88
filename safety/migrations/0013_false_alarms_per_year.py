"""What an abnormal win rate may wrongly find is counted by the year, not by the night."""

from django.db import migrations

_RENAME = """
    UPDATE safety_detectors
    SET thresholds = (thresholds - '{before}')
        || jsonb_build_object('{after}', (thresholds ->> '{before}')::numeric {factor})
    WHERE code = 'ABNORMAL_WIN_RATE' AND thresholds ? '{before}'
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0012_signal_labels")]

    operations = [
        migrations.RunSQL(
            _RENAME.format(before="false_alarms", after="false_alarms_per_year", factor="* 365"),
            _RENAME.format(before="false_alarms_per_year", after="false_alarms", factor="/ 365"),
        )
    ]

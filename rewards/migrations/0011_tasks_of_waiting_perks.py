from django.db import migrations


class Migration(migrations.Migration):
    """Perks decided before there were tasks wait for approval too."""

    dependencies = [
        ("rewards", "0010_limits_and_perks"),
    ]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO perk_tasks (player_id, rule_id, decision_id, run_id, perk, amount, status, created_at)
            SELECT d.player_id, r.rule_id, d.id, d.run_id, r.name, d.amount_computed, 'WAITING_APPROVAL', d.decided_at
            FROM reward_decisions d JOIN reward_rules r ON r.number = d.rule_number
            WHERE d.verdict = 'PENDING_REVIEW' AND d.reason = 'NEEDS_APPROVAL' AND d.amount_computed > 0
            """,
            migrations.RunSQL.noop,
        ),
    ]

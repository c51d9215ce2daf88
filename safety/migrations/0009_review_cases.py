"""Review cases with their evidence and history; what a person found of a signal."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
        ("players", "0009_tier_kept_until"),
        ("safety", "0008_detection"),
        ("wallet", "0003_posting_core"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AbuseSignalHistory",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("CONFIRMED", "Confirmed"), ("DISMISSED", "Dismissed")],
                        db_default="",
                        default="",
                        help_text="What a person found. Dismissed is resolved; confirmed goes on counting and fades with its age.",
                        max_length=10,
                    ),
                ),
                ("is_resolved", models.BooleanField(db_default=False, default=False)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "judgement",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="Why it was found so.", max_length=1000
                    ),
                ),
                ("judged_at", models.DateTimeField(blank=True, null=True)),
                ("severity", models.PositiveSmallIntegerField(help_text="1 (weak) to 10 (certain).")),
            ],
            options={
                "verbose_name_plural": "abuse signal history",
                "db_table": "abuse_signal_history",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ReviewCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("ASSIGNED", "Assigned"),
                            ("DECIDED", "Decided"),
                            ("APPEALED", "Appealed"),
                            ("CLOSED", "Closed"),
                        ],
                        db_default="OPEN",
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("SCORE", "Abuse score"),
                            ("REWARD", "Waiting reward"),
                            ("RING", "Ring"),
                            ("FLAG", "Flagged by a person"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(help_text="Why it was opened.", max_length=500)),
                (
                    "ring_number",
                    models.BigIntegerField(
                        blank=True, help_text="The ring that the player is said to be of.", null=True
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(help_text="By when it is to be decided.")),
                (
                    "abuse_score",
                    models.PositiveSmallIntegerField(db_default=0, default=0, help_text="When last looked at, 0–100."),
                ),
                (
                    "money_at_stake",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        help_text="Money value of the rewards that wait, and bonus money in the player's hands.",
                        max_digits=18,
                    ),
                ),
                (
                    "priority",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("money_at_stake"), "+", models.Value(1)
                            ),
                            "*",
                            models.F("abuse_score"),
                        ),
                        output_field=models.DecimalField(decimal_places=2, max_digits=22),
                    ),
                ),
                ("assigned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("CONFIRMED", "Confirmed"),
                            ("DISMISSED", "Dismissed"),
                            ("PARTIAL", "Confirmed in part"),
                        ],
                        db_default="",
                        default="",
                        help_text="The last decision.",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_reason", models.CharField(blank=True, db_default="", default="", max_length=1000)),
                (
                    "appeals",
                    models.PositiveSmallIntegerField(db_default=0, default=0, help_text="How often it was appealed."),
                ),
                ("appealed_at", models.DateTimeField(blank=True, null=True)),
                ("appeal_text", models.CharField(blank=True, db_default="", default="", max_length=2000)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "safety_review_cases",
                "ordering": ["-priority", "due_at", "id"],
                "permissions": [
                    ("assign_reviewcase", "Can assign a review case to somebody else"),
                    ("appeal_reviewcase", "Can file an appeal against a review case"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewCaseHistory",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("ASSIGNED", "Assigned"),
                            ("DECIDED", "Decided"),
                            ("APPEALED", "Appealed"),
                            ("CLOSED", "Closed"),
                        ],
                        db_default="OPEN",
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("SCORE", "Abuse score"),
                            ("REWARD", "Waiting reward"),
                            ("RING", "Ring"),
                            ("FLAG", "Flagged by a person"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(help_text="Why it was opened.", max_length=500)),
                (
                    "ring_number",
                    models.BigIntegerField(
                        blank=True, help_text="The ring that the player is said to be of.", null=True
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(help_text="By when it is to be decided.")),
                (
                    "abuse_score",
                    models.PositiveSmallIntegerField(db_default=0, default=0, help_text="When last looked at, 0–100."),
                ),
                (
                    "money_at_stake",
                    models.DecimalField(
                        db_default=0,
                        decimal_places=2,
                        default=0,
                        help_text="Money value of the rewards that wait, and bonus money in the player's hands.",
                        max_digits=18,
                    ),
                ),
                (
                    "priority",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("money_at_stake"), "+", models.Value(1)
                            ),
                            "*",
                            models.F("abuse_score"),
                        ),
                        output_field=models.DecimalField(decimal_places=2, max_digits=22),
                    ),
                ),
                ("assigned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("CONFIRMED", "Confirmed"),
                            ("DISMISSED", "Dismissed"),
                            ("PARTIAL", "Confirmed in part"),
                        ],
                        db_default="",
                        default="",
                        help_text="The last decision.",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_reason", models.CharField(blank=True, db_default="", default="", max_length=1000)),
                (
                    "appeals",
                    models.PositiveSmallIntegerField(db_default=0, default=0, help_text="How often it was appealed."),
                ),
                ("appealed_at", models.DateTimeField(blank=True, null=True)),
                ("appeal_text", models.CharField(blank=True, db_default="", default="", max_length=2000)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "review case history",
                "db_table": "safety_review_case_history",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ReviewEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("OPENED", "Opened"),
                            ("EVIDENCE", "Evidence added"),
                            ("CLAIMED", "Claimed"),
                            ("ASSIGNED", "Assigned"),
                            ("RELEASED", "Given back"),
                            ("NOTED", "Note"),
                            ("BLOCKED", "Player blocked"),
                            ("UNBLOCKED", "Block lifted"),
                            ("DECIDED", "Decided"),
                            ("REWARDS", "Rewards settled"),
                            ("APPEALED", "Appealed"),
                            ("CLOSED", "Closed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "status_before",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("OPEN", "Open"),
                            ("ASSIGNED", "Assigned"),
                            ("DECIDED", "Decided"),
                            ("APPEALED", "Appealed"),
                            ("CLOSED", "Closed"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "status_after",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("ASSIGNED", "Assigned"),
                            ("DECIDED", "Decided"),
                            ("APPEALED", "Appealed"),
                            ("CLOSED", "Closed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("text", models.CharField(blank=True, db_default="", default="", max_length=2000)),
                (
                    "details",
                    models.JSONField(blank=True, db_default={}, default=dict, help_text="Figures before and after."),
                ),
            ],
            options={
                "db_table": "safety_review_events",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ReviewEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("REWARD", "Reward"), ("LINK", "Link")], max_length=10)),
                (
                    "decision_id",
                    models.BigIntegerField(blank=True, help_text="The reward decision that waits.", null=True),
                ),
                ("money_value", models.DecimalField(db_default=0, decimal_places=2, default=0, max_digits=18)),
                ("url", models.CharField(blank=True, db_default="", default="", max_length=500)),
                ("text", models.CharField(blank=True, db_default="", default="", max_length=500)),
                (
                    "settled_at",
                    models.DateTimeField(blank=True, help_text="When the reward was released or refused.", null=True),
                ),
                (
                    "settlement",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The verdict the reward ended with.",
                        max_length=15,
                    ),
                ),
                ("added_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "safety_review_evidence",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="abusesignal",
            name="judged_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="abusesignal",
            name="judged_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="abusesignal",
            name="judgement",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Why it was found so.", max_length=1000
            ),
        ),
        migrations.AddField(
            model_name="abusesignal",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[("CONFIRMED", "Confirmed"), ("DISMISSED", "Dismissed")],
                db_default="",
                default="",
                help_text="What a person found. Dismissed is resolved; confirmed goes on counting and fades with its age.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="abusesignalhistory",
            name="judged_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="abusesignalhistory",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="abusesignalhistory",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="history",
                related_query_name="history",
                to="safety.abusesignal",
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="assigned_to",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="review_cases",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="opened_by",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the house itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="player",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="review_cases",
                to="players.player",
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="restriction",
            field=models.ForeignKey(
                blank=True,
                help_text="The block that the house put on the player until this is decided.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="players.playerrestriction",
            ),
        ),
        migrations.AddField(
            model_name="abusesignalhistory",
            name="case",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="Where it is judged.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="safety.reviewcase",
            ),
        ),
        migrations.AddField(
            model_name="abusesignal",
            name="case",
            field=models.ForeignKey(
                blank=True,
                help_text="Where it is judged.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signals",
                to="safety.reviewcase",
            ),
        ),
        migrations.AddConstraint(
            model_name="abusesignal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("judged_at__isnull", True), ("outcome", "")),
                    models.Q(("judged_at__isnull", False), ("outcome", "CONFIRMED")),
                    models.Q(("is_resolved", True), ("judged_at__isnull", False), ("outcome", "DISMISSED")),
                    _connector="OR",
                ),
                name="abuse_signal_judged_when_it_says_so",
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="assigned_to",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="opened_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="Empty: the house itself.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="history",
                related_query_name="history",
                to="safety.reviewcase",
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="player",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="players.player",
            ),
        ),
        migrations.AddField(
            model_name="reviewcasehistory",
            name="restriction",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="The block that the house put on the player until this is decided.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="players.playerrestriction",
            ),
        ),
        migrations.AddField(
            model_name="reviewevent",
            name="by",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the house itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewevent",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="safety.reviewcase"
            ),
        ),
        migrations.AddField(
            model_name="reviewevidence",
            name="added_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewevidence",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="safety.reviewcase"
            ),
        ),
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(fields=["status", "-priority", "due_at"], name="idx_review_queue"),
        ),
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(fields=["player", "-id"], name="idx_review_player"),
        ),
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(
                condition=models.Q(("ring_number__isnull", False)), fields=["ring_number"], name="idx_review_ring"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["OPEN", "ASSIGNED", "APPEALED"])),
                fields=("player",),
                name="review_case_one_undecided",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["OPEN", "ASSIGNED", "DECIDED", "APPEALED", "CLOSED"])),
                name="review_case_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("cause__in", ["SCORE", "REWARD", "RING", "FLAG"])), name="review_case_cause_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", ""), ("outcome__in", ["CONFIRMED", "DISMISSED", "PARTIAL"]), _connector="OR"
                ),
                name="review_case_outcome_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ASSIGNED"), _negated=True), ("assigned_to__isnull", False), _connector="OR"
                ),
                name="review_case_assigned_to_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("outcome", ""), ("status__in", ["OPEN", "ASSIGNED"])),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("status__in", ["DECIDED", "APPEALED", "CLOSED"]),
                        models.Q(("outcome", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="review_case_decided_when_it_says_so",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("status", "CLOSED")),
                    models.Q(models.Q(("status", "CLOSED"), _negated=True), ("closed_at__isnull", True)),
                    _connector="OR",
                ),
                name="review_case_closed_when_it_says_so",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reviewcase",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "safety_review_case_history" ("abuse_score", "appeal_text", "appealed_at", "appeals", "assigned_at", "assigned_to_id", "cause", "closed_at", "decided_at", "decided_by_id", "decision_reason", "due_at", "id", "money_at_stake", "opened_at", "opened_by_id", "outcome", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "player_id", "reason", "restriction_id", "ring_number", "status") SELECT new_values."abuse_score", new_values."appeal_text", new_values."appealed_at", new_values."appeals", new_values."assigned_at", new_values."assigned_to_id", new_values."cause", new_values."closed_at", new_values."decided_at", new_values."decided_by_id", new_values."decision_reason", new_values."due_at", new_values."id", new_values."money_at_stake", new_values."opened_at", new_values."opened_by_id", new_values."outcome", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."player_id", new_values."reason", new_values."restriction_id", new_values."ring_number", new_values."status" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="782b997384b6ade687d1899a0079d755d882e739",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ceea4",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="safety_review_cases",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="abusesignalhistory",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d478208b762e0cc132c1e5bcf9496a47323492e2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f8a1d",
                    table="abuse_signal_history",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reviewcasehistory",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9d14aab80db2043a8b8ed82102016e290837a1ff",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c5dc7",
                    table="safety_review_case_history",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "act__in",
                        [
                            "OPENED",
                            "EVIDENCE",
                            "CLAIMED",
                            "ASSIGNED",
                            "RELEASED",
                            "NOTED",
                            "BLOCKED",
                            "UNBLOCKED",
                            "DECIDED",
                            "REWARDS",
                            "APPEALED",
                            "CLOSED",
                        ],
                    )
                ),
                name="review_event_act_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewevidence",
            constraint=models.UniqueConstraint(fields=("decision_id",), name="review_evidence_decision_once"),
        ),
        migrations.AddConstraint(
            model_name="reviewevidence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decision_id__isnull", False), ("kind", "REWARD")),
                    models.Q(("decision_id__isnull", True), ("kind", "LINK"), models.Q(("url", ""), _negated=True)),
                    _connector="OR",
                ),
                name="review_evidence_names_its_thing",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="abusesignal",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "abuse_signal_history" ("case_id", "is_resolved", "judged_at", "judged_by_id", "judgement", "outcome", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "resolved_at", "severity") SELECT new_values."case_id", new_values."is_resolved", new_values."judged_at", new_values."judged_by_id", new_values."judgement", new_values."outcome", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."resolved_at", new_values."severity" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."case_id" IS DISTINCT FROM (new_values."case_id") OR old_values."is_resolved" IS DISTINCT FROM (new_values."is_resolved") OR old_values."judged_by_id" IS DISTINCT FROM (new_values."judged_by_id") OR old_values."judgement" IS DISTINCT FROM (new_values."judgement") OR old_values."outcome" IS DISTINCT FROM (new_values."outcome")) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                    hash="af3543dfdf4359128d1d67f5bc11419f197f0f3e",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_7289a",
                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                    table="abuse_signals",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="reviewevidence",
            index=models.Index(
                condition=models.Q(("decision_id__isnull", False), ("settled_at__isnull", True)),
                fields=["case"],
                name="idx_review_evidence_waits",
            ),
        ),
        migrations.RunSQL(
            """
            CREATE TRIGGER safety_review_events_append_only BEFORE UPDATE OR DELETE ON safety_review_events
                FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
            CREATE TRIGGER safety_review_events_not_truncated BEFORE TRUNCATE ON safety_review_events
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
            """,
            """
            DROP TRIGGER safety_review_events_append_only ON safety_review_events;
            DROP TRIGGER safety_review_events_not_truncated ON safety_review_events;
            """,
        ),
    ]

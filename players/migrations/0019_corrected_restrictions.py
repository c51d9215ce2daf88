import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The guard of players/sql/restrictions.sql, which lets a granted correction through.
GUARD_SQL = """
    CREATE OR REPLACE FUNCTION guard_restriction() RETURNS trigger
    LANGUAGE plpgsql AS
    $$
    DECLARE
        earliest_end timestamptz;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'restriction % is kept: lift it instead', OLD.id USING ERRCODE = 'restrict_violation';
        END IF;
        IF (NEW.id, NEW.player_id, NEW.kind, NEW.starts_at, NEW.source, NEW.external_reference, NEW.reason, NEW.evidence,
            NEW.created_by_id, NEW.created_at)
           IS DISTINCT FROM
           (OLD.id, OLD.player_id, OLD.kind, OLD.starts_at, OLD.source, OLD.external_reference, OLD.reason, OLD.evidence,
            OLD.created_by_id, OLD.created_at) THEN
            RAISE EXCEPTION 'restriction % keeps what was said when it was imposed: only its end may move', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        -- One that was entered for the wrong player ends when a second person has said so; its minimum stays on record.
        IF NEW.minimum_until IS NOT DISTINCT FROM OLD.minimum_until AND EXISTS (
            SELECT 1 FROM player_restriction_lift_requests q
            WHERE q.restriction_id = OLD.id AND q.is_correction AND q.is_granted
        ) THEN
            RETURN NEW;
        END IF;
        earliest_end := coalesce(OLD.minimum_until, CASE WHEN OLD.kind IN ('SELF_EXCLUDED', 'COOL_OFF') THEN OLD.ends_at END);
        IF NEW.ends_at < earliest_end AND NEW.ends_at IS DISTINCT FROM OLD.ends_at
           OR OLD.minimum_until IS NOT NULL AND coalesce(NEW.minimum_until < OLD.minimum_until, true) THEN
            RAISE EXCEPTION 'restriction % cannot end before %', OLD.id, earliest_end USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END
    $$;
"""
EARLIER_GUARD_SQL = """
    CREATE OR REPLACE FUNCTION guard_restriction() RETURNS trigger
    LANGUAGE plpgsql AS
    $$
    DECLARE
        earliest_end timestamptz;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'restriction % is kept: lift it instead', OLD.id USING ERRCODE = 'restrict_violation';
        END IF;
        IF (NEW.id, NEW.player_id, NEW.kind, NEW.starts_at, NEW.source, NEW.external_reference, NEW.reason, NEW.evidence,
            NEW.created_by_id, NEW.created_at)
           IS DISTINCT FROM
           (OLD.id, OLD.player_id, OLD.kind, OLD.starts_at, OLD.source, OLD.external_reference, OLD.reason, OLD.evidence,
            OLD.created_by_id, OLD.created_at) THEN
            RAISE EXCEPTION 'restriction % keeps what was said when it was imposed: only its end may move', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        earliest_end := coalesce(OLD.minimum_until, CASE WHEN OLD.kind IN ('SELF_EXCLUDED', 'COOL_OFF') THEN OLD.ends_at END);
        IF NEW.ends_at < earliest_end AND NEW.ends_at IS DISTINCT FROM OLD.ends_at
           OR OLD.minimum_until IS NOT NULL AND coalesce(NEW.minimum_until < OLD.minimum_until, true) THEN
            RAISE EXCEPTION 'restriction % cannot end before %', OLD.id, earliest_end USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END
    $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("players", "0018_points_taken_back_and_averages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="restrictionchange",
            name="restriction_change_act_known",
        ),
        migrations.AddField(
            model_name="liftrequest",
            name="is_correction",
            field=models.BooleanField(
                db_default=False, default=False, help_text="It was entered for the wrong player."
            ),
        ),
        migrations.AddField(
            model_name="liftrequest",
            name="right_restriction",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Of a correction: the same, of the player it was meant for. Empty: that person is no player here.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="players.playerrestriction",
            ),
        ),
        migrations.AlterField(
            model_name="restrictionchange",
            name="act",
            field=models.CharField(
                choices=[
                    ("IMPOSED", "Imposed"),
                    ("END_MOVED", "End moved"),
                    ("LIFT_ASKED", "Lifting asked for"),
                    ("LIFT_REFUSED", "Lifting refused"),
                    ("LIFTED", "Lifted"),
                    ("APPLIED", "Taken effect"),
                    ("CORRECTION_ASKED", "Correction asked for"),
                    ("CORRECTION_REFUSED", "Correction refused"),
                    ("CORRECTED", "Entered for the wrong player"),
                ],
                max_length=18,
            ),
        ),
        migrations.AddConstraint(
            model_name="liftrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_correction", True), ("right_restriction__isnull", True), _connector="OR"),
                name="lift_request_right_one_of_a_correction",
            ),
        ),
        migrations.AddConstraint(
            model_name="restrictionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "act__in",
                        [
                            "IMPOSED",
                            "END_MOVED",
                            "LIFT_ASKED",
                            "LIFT_REFUSED",
                            "LIFTED",
                            "APPLIED",
                            "CORRECTION_ASKED",
                            "CORRECTION_REFUSED",
                            "CORRECTED",
                        ],
                    )
                ),
                name="restriction_change_act_known",
            ),
        ),
        migrations.RunSQL(GUARD_SQL, EARLIER_GUARD_SQL),
    ]

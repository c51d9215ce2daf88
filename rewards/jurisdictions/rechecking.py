"""Look again, under the players' lock: who has moved to another jurisdiction, what its profile says now, who is VIP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from core.expressions import run_statement
from players.models import JurisdictionLimit, LimitKind
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.fields import ELSEWHERE_SQL
from rewards.jurisdictions.terms import jurisdiction_terms
from rewards.occasions import AWARDS_SQL, Occasion
from safety.jurisdictions.granting import matrix_refuses_harm
from safety.vip_approvals import NOTHING_RECORDED, VIP_STANDINGS_SQL

_LIMITING = ("refusal", "vip", "multiplier_max", "amount_max")
_LEFT_TO_PROFILES = ("harm", *_LIMITING)

_REJECT_SQL = """
    WITH said AS MATERIALIZED (
        SELECT a.player_id, a.rule_number, a.wagering_multiplier, a.amount_given, p.segment,
               t.jurisdictions -> coalesce(p.jurisdiction, cj.jurisdiction, {elsewhere}) AS terms
        FROM rule_allocations a
        JOIN jsonb_to_recordset(%s::jsonb) t (rule_number integer, jurisdictions jsonb)
            ON t.rule_number = a.rule_number
        JOIN players p ON p.player_id = a.player_id
        LEFT JOIN country_jurisdictions cj ON cj.name = lower(btrim(p.country))
        WHERE a.run_id = %s AND {awards} AND {in_range}
    ),
    refused AS (
        SELECT s.player_id, s.rule_number,
               coalesce(s.terms -> 'refusal',
                        CASE WHEN s.terms ? 'harm' AND EXISTS (
                                 SELECT 1 FROM player_restrictions h
                                 WHERE h.player_id = s.player_id AND h.kind = 'RG_HARM'
                                   AND h.starts_at <= statement_timestamp()
                                   AND coalesce(h.ends_at > statement_timestamp(), true))
                             THEN s.terms -> 'harm' END,
                        CASE WHEN s.wagering_multiplier > (s.terms ->> 'multiplier_max')::numeric
                             THEN s.terms -> 'wagering' END,
                        CASE WHEN s.amount_given > (s.terms ->> 'amount_max')::numeric THEN s.terms -> 'amount' END
               ) AS why,
               CASE WHEN v.lacks IS DISTINCT FROM '' AND (s.segment = 'VIP' OR s.terms -> 'is_perk' = 'true')
                    THEN s.terms -> 'vip' || jsonb_build_object('missing', coalesce(v.lacks, '{nothing}')) END AS vip
        FROM said s LEFT JOIN ({standings}) v ON s.terms ? 'vip' AND v.player_id = s.player_id
        WHERE s.terms IS NOT NULL
    )
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', amount_given = 0, money_value = 0,
        reason = CASE WHEN r.why IS NULL THEN 'VIP_APPROVAL_NEEDED' ELSE 'JURISDICTION' END,
        reasons = jsonb_build_array(coalesce(
            jsonb_build_object('code', 'JURISDICTION') || r.why,
            jsonb_build_object('code', 'VIP_APPROVAL_NEEDED') || r.vip))
    FROM refused r
    WHERE coalesce(r.why, r.vip) IS NOT NULL
      AND a.run_id = %s AND a.player_id = r.player_id AND a.rule_number = r.rule_number
"""


def reject_beyond_jurisdiction(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope, on: date) -> int:
    """Reject what limits that hold on a date do not allow, the occasion's or a later one; return how many allocations.

    An approval of a VIP is asked for the occasion's date, which it was given for.
    """
    # The posting core looks at restrictions itself, and so at harm, unless staff took that out of its matrix.
    limiting = _LIMITING if matrix_refuses_harm() else _LEFT_TO_PROFILES
    stated = [
        {"rule_number": number, "jurisdictions": terms}
        for number, terms in jurisdiction_terms(rules, on=on).items()
        if any(name in said for said in terms.values() for name in limiting)
    ]
    if not stated:
        return 0
    in_range, params = keys.condition("a.player_id")
    sql = _REJECT_SQL.format(
        elsewhere=ELSEWHERE_SQL,
        awards=AWARDS_SQL,
        in_range=in_range,
        nothing=NOTHING_RECORDED,
        standings=VIP_STANDINGS_SQL.format(on=f"DATE '{occasion.on}'", in_range=in_range),
    )
    return run_statement(sql, [json.dumps(stated), occasion.run_id, *params, *params, occasion.run_id])


def month_limit_sql(jurisdiction: str, *, on: date) -> str | None:
    """Return a query of what a jurisdiction allows of promotions in a calendar month, and of whose limit that is.

    None where none limits them.
    """
    if not JurisdictionLimit.objects.filter(kind=LimitKind.PROMOTION_VALUE_MONTH_MAX).exists():
        return None
    return f"""SELECT j.value AS most, jsonb_build_object(
            'jurisdiction', j.jurisdiction_id, 'version', u.version, 'limit', j.kind, 'most', trim_scale(j.value)::text,
            'clause', j.clause) AS source
        FROM jurisdiction_limits j JOIN jurisdictions u ON u.code = j.jurisdiction_id
        WHERE j.jurisdiction_id = {jurisdiction} AND j.kind = 'PROMOTION_VALUE_MONTH_MAX' AND j.severity = 'BINDING'
          AND j.valid_from <= DATE '{on}'
        ORDER BY j.valid_from DESC LIMIT 1"""

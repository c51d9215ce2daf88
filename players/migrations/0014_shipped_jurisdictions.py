import json
from pathlib import Path
from typing import Any

from django.db import migrations

# The ways to write a country: its ISO 3166 codes and its English names, in lower case.
COUNTRIES = Path(__file__).parents[1] / "countries.txt"

_COMMISSION = "https://www.gamblingcommission.gov.uk"
_LCCP_5_1_1 = f"{_COMMISSION}/licensees-and-businesses/lccp/condition/5-1-1-sr-code"
PROFILES: dict[str, dict[str, Any]] = {
    "DEFAULT": {
        "name": "Neutral default",
        "countries": [],
        "note": "Limits nothing. It holds for every country that no other profile claims, and says nothing about the "
        "law there.",
        "limits": [],
    },
    "GB": {
        "name": "Great Britain",
        "countries": ["GB"],
        "note": "The Gambling Commission's Licence Conditions and Codes of Practice (LCCP), with social responsibility "
        "code 5.1.1 as changed from 19 January 2026. Our reading: a country given as United Kingdom or Northern Ireland "
        "is taken for Great Britain.",
        "limits": [
            {
                "kind": "WAGERING_REQUIREMENT_MAX",
                "value": "10",
                "unit": "× bonus funds",
                "valid_from": "2026-01-19",
                "clause": "LCCP, social responsibility code 5.1.1 (3)(a)",
                "clause_says": "A licensee must not apply a wagering requirement under which bonus funds have to be "
                "played through more than 10 times.",
                "source_url": _LCCP_5_1_1,
                "is_our_reading": False,
                "reading": "We measure the whole turnover required, whatever it is computed from, against the bonus "
                "funds: a requirement on deposit and bonus may not ask for more turnover than 10 × the bonus either.",
            },
            {
                "kind": "SINGLE_PRODUCT",
                "value": None,
                "unit": "",
                "valid_from": "2026-01-19",
                "clause": "LCCP, social responsibility code 5.1.1 (3)(b)",
                "clause_says": "A licensee must not include more than one type of gambling product (betting, casino, "
                "bingo, lottery) within an incentive.",
                "source_url": _LCCP_5_1_1,
                "is_our_reading": False,
                "reading": "The Commission's response to its consultation leaves credit that a customer may use freely "
                "on any product outside the ban. We take a bonus for that only where it has no wagering requirement and "
                "names no games. A category whose product type is not known counts as a type of its own.",
            },
            {
                "kind": "HARM_BLOCKS_PROMOTION",
                "value": None,
                "unit": "",
                "valid_from": "2023-02-12",
                "clause": "LCCP, social responsibility code 3.4.3 (10)",
                "clause_says": "A licensee must prevent marketing and the take-up of new bonus offers where strong "
                "indicators of harm, as its own processes define them, have been identified.",
                "source_url": f"{_COMMISSION}/guidance/customer-interaction-guidance-for-remote-gambling-licensees-"
                "formal-guidance/requirement-10-customer-interaction-guidance-for-remote-gambling-licensees",
                "is_our_reading": False,
                "reading": "Indicators have been identified while the restriction RG_HARM is in force.",
            },
            {
                "kind": "VIP_NEEDS_APPROVAL",
                "value": None,
                "unit": "",
                "valid_from": "2020-10-31",
                "clause": "LCCP, social responsibility code 5.1.1 (high value customers) and the Commission's guidance "
                "on them",
                "clause_says": "Incentives for customers designated as high value or VIP must be offered consistently "
                "with the licensing objectives; the guidance asks for checks of affordability, source of funds and harm "
                "before a customer becomes one, and for senior oversight.",
                "source_url": f"{_COMMISSION}/guidance/high-value-customers-industry-guidance",
                "is_our_reading": True,
                "reading": "The segment VIP alone makes nobody one. A rule that asks for that segment, and every perk, "
                "pays only while an approval holds in which all three checks are passed and which a second person has "
                "given. How long an approval lasts is our choice.",
            },
        ],
    },
}

WRITE_NAMES_SQL = """
    INSERT INTO country_names (name, code) SELECT * FROM jsonb_to_recordset(%s::jsonb) t (name text, code text)
"""
WRITE_PROFILES_SQL = """
    WITH profiles AS MATERIALIZED (
        SELECT key AS code, value AS profile FROM jsonb_each(%s::jsonb)
    ),
    written AS (
        INSERT INTO jurisdictions (code, name, countries, note)
        SELECT code, profile ->> 'name', ARRAY(SELECT jsonb_array_elements_text(profile -> 'countries')),
               profile ->> 'note'
        FROM profiles RETURNING code
    )
    INSERT INTO jurisdiction_limits
        (jurisdiction_id, kind, value, unit, valid_from, clause, clause_says, source_url, is_our_reading, reading)
    SELECT written.code, l.* FROM written JOIN profiles USING (code)
    CROSS JOIN LATERAL jsonb_to_recordset(profile -> 'limits') l (
        kind text, value numeric, unit text, valid_from date, clause text, clause_says text, source_url text,
        is_our_reading boolean, reading text)
"""
# The documented categories are games of a casino; what `other` holds nobody knows.
SET_PRODUCTS_SQL = """
    UPDATE game_categories SET product = 'CASINO' WHERE code IN ('slots', 'roulette', 'blackjack', 'poker')
"""


def country_names() -> list[dict[str, str]]:
    """Return every way to write a country, with its code."""
    lines = (line.partition(": ") for line in COUNTRIES.read_text(encoding="utf-8").splitlines())
    return [{"name": name, "code": code} for code, _, names in lines for name in names.split("; ")]


class Migration(migrations.Migration):
    dependencies = [("players", "0013_jurisdictions")]
    operations = [
        migrations.RunSQL([(WRITE_NAMES_SQL, [json.dumps(country_names())])], "DELETE FROM country_names"),
        migrations.RunSQL(
            [(WRITE_PROFILES_SQL, [json.dumps(PROFILES)])],
            "DELETE FROM jurisdiction_limits; DELETE FROM jurisdictions",
        ),
        migrations.RunSQL(SET_PRODUCTS_SQL, migrations.RunSQL.noop),
    ]

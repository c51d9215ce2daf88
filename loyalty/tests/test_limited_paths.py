"""Limit of a jurisdiction × path: none leads past what the law of a place forbids, and what is owed is paid."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.tests import cast
from loyalty.tests.credit_paths import PATHS, run_night, walk
from loyalty.tests.test_restricted_paths import holdings, outcome
from players.models import Jurisdiction, JurisdictionLimit, Player, RestrictionEffect
from players.tests.factories import restrict
from rewards.tests.factories import make_player
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db

PROMOTIONS = {name for name, path in PATHS.items() if path.purpose == "PROMOTION"}
# What points buy is judged like a promotion; what was granted or ordered before is owed.
ORDERS = {"redeem-bonus", "redeem-tickets", "api-redeem"}
# The guard sees that a lot is credited by staff, and not for which purpose: no service posts these so.
RAW = {"core-debit-purposes"}
# Below safety nobody knows the month, as nobody knows the caps there.
BELOW_SAFETY = {"service-lp", "service-rp", "service-tickets", "service-bonus", "core-one", "core-set", "core-sql"}


def put_under(kind: str, **values: Any) -> None:
    """Put everybody under a jurisdiction of one limit."""
    Jurisdiction.objects.create(code="XX", name="Elsewhere")
    given = {"valid_from": date(2020, 1, 1), "clause": "§ 1", "clause_says": "…", **values}
    JurisdictionLimit.objects.create(jurisdiction_id="XX", kind=kind, **given)
    Player.objects.update(jurisdiction="XX")


def forget_harm_in_the_matrix() -> None:
    """Record harm of everybody, of which the restriction matrix has been told nothing."""
    RestrictionEffect.objects.filter(kind="RG_HARM").delete()
    for player in Player.objects.all():
        restrict(player, "RG_HARM")


@pytest.mark.parametrize(
    ("kind", "values", "refused"),
    [
        ("PROMOTIONS_FORBIDDEN", {}, PROMOTIONS | ORDERS | RAW),
        # What waits for its day is cancelled by the policy of harm, whatever the matrix says.
        ("HARM_BLOCKS_PROMOTION", {}, PROMOTIONS | ORDERS | RAW | {"night-due"}),
        # A perk that waits to be handed over counted when it was decided.
        ("PROMOTION_VALUE_MONTH_MAX", {"value": 0}, PROMOTIONS - BELOW_SAFETY - {"night-perk"}),
    ],
)
def test_every_path_leads_where_the_limit_says(kind: str, values: dict[str, Any], refused: set[str]) -> None:
    cast.make_users()
    for name, path in PATHS.items():
        make_player(name, country=name)
        path.prepare(name)
    put_under(kind, **values)
    if kind == "HARM_BLOCKS_PROMOTION":
        forget_harm_in_the_matrix()
    before = {name: holdings(name) for name in PATHS}

    found = {}
    for name, path in PATHS.items():
        if path.act is not None:
            # Raw SQL meets the guard of the lots as the database says it.
            with suppress(IntegrityError), transaction.atomic():
                walk(path, name)
            found[name] = outcome(name, before=before[name])
    run_night()
    found |= {name: outcome(name, before=before[name]) for name in PATHS if name not in found}

    assert {name for name, led_to in found.items() if led_to == "REFUSE"} == refused
    reconcile()

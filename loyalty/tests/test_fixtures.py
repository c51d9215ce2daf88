"""What a fresh house starts with."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from loyalty.fixtures import load_options, load_rules
from rewards.jurisdictions.compliance import breaking_rules
from rewards.models import RedemptionOption, RewardRule
from rewards.redemption.obstacles import obstacles, standing_of
from rewards.tests.factories import evaluate, make_player, verdicts
from wallet.ledger import JurisdictionLimitError

pytestmark = pytest.mark.django_db


def test_the_example_options_are_loaded_once_and_left_as_staff_made_them() -> None:
    assert load_options() == 4
    RedemptionOption.objects.filter(code="HOODIE").update(stock=3)

    assert load_options() == 0
    assert RedemptionOption.objects.get(code="HOODIE").stock == 3


def test_the_examples_are_allowed_in_every_jurisdiction_that_is_shipped_and_pay_a_british_newcomer() -> None:
    load_rules()
    load_options()
    RewardRule.objects.update(holdout_percent=0)
    totals = {"total_wagered": Decimal(500), "total_won": Decimal(400), "total_sessions": 3}
    make_player("alice", country="United Kingdom", segment="NEW", **totals)

    evaluate(date(2026, 3, 10))

    assert breaking_rules() == []
    assert verdicts()["WELCOME_BONUS"] == "APPROVED"
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    standing = standing_of("alice", at=noon)
    against = [one for option in RedemptionOption.objects.all() for one in obstacles(option, standing, at=noon)]
    assert not [one for one in against if isinstance(one, JurisdictionLimitError)]

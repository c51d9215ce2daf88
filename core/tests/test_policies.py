"""A policy's value: what staff saved, else the environment's, else the default; a bad one is refused by name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.environment import EnvironmentValueError
from core.errors import InvalidInputError, NotFoundError
from core.models import PolicyValue
from core.policies import POLICIES, Policy, PolicySource, clear_policy, declare, save_policy

DAYS = Policy(name="TEST_DAYS", default=7, minimum=1, maximum=30, unit="days", help="How many days.")
RATE = Policy(name="TEST_RATE", default=Decimal("0.5"), minimum=Decimal(0), maximum=Decimal(1), help="A share.")
IS_STRICT = Policy(name="TEST_IS_STRICT", default=False, help="Whether.")
BASIS = Policy(name="TEST_BASIS", default="WAGERED", choices=("WAGERED", "DEPOSITED"), help="Which.")


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    policies: list[Policy[Any]] = [DAYS, RATE, IS_STRICT, BASIS]
    for policy in policies:
        declare(policy)
    yield
    for policy in policies:
        del POLICIES[policy.name]


@pytest.mark.django_db
def test_saved_wins_over_environment_and_environment_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (DAYS.value(), DAYS.source()) == (7, PolicySource.DEFAULT)

    monkeypatch.setenv("TEST_DAYS", "10")
    assert (DAYS.value(), DAYS.source()) == (10, PolicySource.ENVIRONMENT)

    save_policy(name="TEST_DAYS", value="14", saved_by=None)
    assert (DAYS.value(), DAYS.source()) == (14, PolicySource.SAVED)

    clear_policy(name="TEST_DAYS")
    assert (DAYS.value(), DAYS.source()) == (10, PolicySource.ENVIRONMENT)


@pytest.mark.django_db
def test_a_saved_value_keeps_who_saved_it_and_when_it_was_saved_last() -> None:
    anna = User.objects.create_user("anna")
    save_policy(name="TEST_DAYS", value="14", saved_by=None)
    PolicyValue.objects.update(saved_at=datetime(2025, 1, 1, tzinfo=UTC))

    save_policy(name="TEST_DAYS", value="21", saved_by=anna)

    saved = PolicyValue.objects.get(name="TEST_DAYS")
    assert (saved.value, saved.saved_by) == ("21", anna)
    assert saved.saved_at.year > 2025


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "text", "value"),
    [
        (DAYS, " 30 ", 30),
        (DAYS, "1", 1),
        (RATE, "0", Decimal(0)),
        (RATE, "0.05", Decimal("0.05")),
        (IS_STRICT, "yes", True),
        (IS_STRICT, "OFF", False),
        (BASIS, "DEPOSITED", "DEPOSITED"),
    ],
)
def test_a_saved_text_is_given_back_as_its_type(policy: Policy[Any], text: str, value: object) -> None:
    save_policy(name=policy.name, value=text, saved_by=None)

    assert policy.value() == value
    assert type(policy.value()) is type(policy.default)


BAD_VALUES = [
    (DAYS, "0", "TEST_DAYS is '0': a whole number of at least 1 and at most 30 is needed, for example 7"),
    (DAYS, "31", "TEST_DAYS is '31': a whole number of at least 1 and at most 30 is needed, for example 7"),
    (DAYS, "7.5", "TEST_DAYS is '7.5': a whole number"),
    (DAYS, "--7", "TEST_DAYS is '--7': a whole number"),
    (DAYS, "1_0", "TEST_DAYS is '1_0': a whole number"),
    (DAYS, "٣", "TEST_DAYS is '٣': a whole number"),
    (DAYS, "9" * 5000, "a whole number"),
    (RATE, "1.01", "TEST_RATE is '1.01': a decimal number of at least 0 and at most 1 is needed, for example 0.5"),
    (RATE, "NaN", "TEST_RATE is 'NaN': a decimal number"),
    (RATE, "sNaN", "TEST_RATE is 'sNaN': a decimal number"),
    (RATE, "Infinity", "TEST_RATE is 'Infinity': a decimal number"),
    (RATE, "0,5", "TEST_RATE is '0,5': a decimal number"),
    (RATE, "٠", "TEST_RATE is '٠': a decimal number"),
    (IS_STRICT, "maybe", "TEST_IS_STRICT is 'maybe': yes or no is needed, for example False"),
    (BASIS, "wagered", "TEST_BASIS is 'wagered': one of WAGERED, DEPOSITED is needed, for example WAGERED"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("policy", "text", "complaint"), BAD_VALUES)
def test_a_bad_value_is_refused_by_name_and_nothing_is_stored(policy: Policy[Any], text: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        save_policy(name=policy.name, value=text, saved_by=None)

    assert complaint in error.value.message
    assert error.value.details["field"] == policy.name
    assert not PolicyValue.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("policy", "text", "complaint"), [case for case in BAD_VALUES if case[1].isprintable()])
def test_a_bad_value_in_the_environment_is_refused_by_name(
    policy: Policy[Any], text: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(policy.name, text)

    with pytest.raises(EnvironmentValueError, match=policy.name) as error:
        policy.value()

    assert complaint.partition(": ")[2] in str(error.value)


@pytest.mark.django_db
def test_a_policy_nobody_declared_cannot_be_saved() -> None:
    with pytest.raises(NotFoundError, match="there is no policy 'TEST_UNKNOWN'"):
        save_policy(name="TEST_UNKNOWN", value="1", saved_by=None)


def test_the_documented_names_have_the_documented_defaults() -> None:
    documented = {
        "MAX_DAILY_REWARD_PER_PLAYER": 1000,
        "MAX_WEEKLY_REWARD_PER_PLAYER": 5000,
        "MAX_MONTHLY_REWARD_PER_PLAYER": 20000,
        "TIER_SILVER_LP": 1000,
        "TIER_GOLD_LP": 10000,
        "TIER_PLATINUM_LP": 50000,
        "NEW_PLAYER_WAGER_THRESHOLD": 1000,
        "VIP_WAGER_THRESHOLD": 100000,
    }

    assert {name: POLICIES[name].default for name in documented} == documented

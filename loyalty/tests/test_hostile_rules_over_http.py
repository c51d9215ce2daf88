"""Rules made to hurt, sent to the API and typed into the admin: refused in bounded work, and nothing is saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from loyalty.tests.test_admin_forms import RULE, errors_of
from rewards.models import RewardRule

ANSWER_BYTES_MAX = 150_000
QUERIES_MAX = 20
TICKETS = '{"type": "TICKETS", "amount": 1}'
LOOK_ALIKE = "s\u0435gment"  # the second letter is Cyrillic


def paying(formula: str) -> str:
    return json.dumps({"type": "BONUS_BALANCE", "formula": formula, "max_amount": 5})


# Conditions and reward as JSON text, and words of the refusal.
HOSTILE: dict[str, tuple[str, str, str]] = {
    "deeply nested groups": ('{"not": ' * 5_000 + '{"age": 1}' + "}" * 5_000, TICKETS, "nested"),
    "deeply nested lists": ('{"age": ' + "[" * 50_000 + "]" * 50_000 + "}", TICKETS, "nested"),
    "eleven levels": ('{"not": ' * 11 + '{"age": 1}' + "}" * 11, TICKETS, "levels"),
    "a huge integer": ('{"age": ' + "9" * 5_000 + "}", TICKETS, "at most 40"),
    "a huge exponent": ('{"age": 1e999999}', TICKETS, "1"),
    "ten thousand values": (json.dumps({"country": [str(n) for n in range(10_000)]}), TICKETS, "1 to 1000 values"),
    "ten thousand conditions": (json.dumps({"any": [{"age": n} for n in range(10_000)]}), TICKETS, "200"),
    "ten thousand keys": (json.dumps({f"age_{n}": 1 for n in range(10_000)}), TICKETS, "unknown field"),
    "a formula of 100 kB": ("{}", paying("1+" * 50_000 + "1"), "at most 1000"),
    "an import": ("{}", paying("__import__('os').system('true')"), "formula"),
    "a look-alike field": (json.dumps({LOOK_ALIKE: "NEW"}), TICKETS, "unknown field"),
    "a look-alike in a formula": ("{}", paying("n\u0435t_loss * 0.1"), "formula"),
    "NaN": ('{"age": NaN}', TICKETS, "NaN"),
    "infinity": ('{"age": -Infinity}', TICKETS, "Infinity"),
    "a key given twice": ('{"age": 1, "age": 2}', TICKETS, "twice"),
    "a key given twice in the reward": ("{}", '{"type": "TICKETS", "amount": 1, "amount": 9}', "twice"),
    "a NUL": ('{"country": "D\\u0000E"}', TICKETS, "NUL"),
}


@pytest.fixture
def staff(db: None) -> ApiUser:
    return ApiUser(cast.make_users()["Loyalty staff"])


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/api/rules", "/api/rules/check"])
def test_the_api_refuses_it_at_once_and_says_what_is_wrong(staff: ApiUser, path: str, name: str) -> None:
    conditions, reward, words = HOSTILE[name]
    told = "" if path.endswith("check") else '"rule_id": "HOSTILE", '

    with CaptureQueriesContext(connection) as queries:
        answer = staff.send("POST", path, f'{{{told}"conditions": {conditions}, "reward_config": {reward}}}')

    said = json.dumps(answer[1], ensure_ascii=False)
    assert words in said
    assert len(said) < ANSWER_BYTES_MAX
    assert len(queries) < QUERIES_MAX
    assert not RewardRule.objects.exists()
    if answer[0] == 200:
        assert path.endswith("check")
        assert answer[1]["problems"]
    else:
        assert answer[0] in (400, 422)
        error_of(answer)


def test_a_body_beyond_a_megabyte_is_not_read(staff: ApiUser) -> None:
    answer = staff.send("POST", "/api/rules", '{"conditions": {"country": "' + "x" * 1_100_000 + '"}}')

    assert (answer[0], error_of(answer)["code"]) == (413, "too_large")


@pytest.mark.parametrize("name", HOSTILE)
def test_the_admin_shows_it_at_its_field(staff: ApiUser, name: str) -> None:
    conditions, reward, words = HOSTILE[name]
    client = Client()
    client.force_login(User.objects.get(username="staff"))
    typed: dict[str, Any] = {**RULE, "conditions": conditions, "reward_config": reward}

    with CaptureQueriesContext(connection) as queries:
        errors = errors_of(client.post(reverse("admin:rewards_rewardrule_add"), typed))

    assert words in " ".join([*errors.get("conditions", []), *errors.get("reward_config", [])])
    assert sum(len(message) for messages in errors.values() for message in messages) < ANSWER_BYTES_MAX
    assert len(queries) < QUERIES_MAX
    assert not RewardRule.objects.exists()

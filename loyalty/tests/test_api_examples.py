"""The examples of docs/api.md and of the requirements, run by curl against a real server as they are written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework_simplejwt.tokens import AccessToken

from core.environment import PROJECT_FOLDER
from loyalty.tests import cast
from players.models import ImportJob, Player
from rewards.models import RedemptionOrder, RewardRule
from safety.models import CaseOutcome, ReviewCase, Ring
from safety.review.opening import open_ring_cases
from safety.tests.review.factories import make_ring
from wallet.models import LoyaltyBalance

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

GUIDE = PROJECT_FOLDER / "docs" / "api.md"
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_CSV = re.compile(r"```csv\n(.*?)```", re.DOTALL)
# An answer that is no success ends the shell, so that the test sees it.
_STRICT = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'


@pytest.fixture(autouse=True)
def own_storage(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    monkeypatch.setattr("core.background.has_worker", lambda: False)


@pytest.fixture
def tokens() -> dict[str, str]:
    """Return the variables that the guide's examples use."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE import_jobs_id_seq RESTART")  # the guide asks for import 1
    users = cast.make_users()
    for make_option in (cast.make_option, cast.make_tickets_option, cast.make_dinner_option):
        make_option()
    return {
        "PASSWORD": cast.PASSWORD,
        "STAFF_TOKEN": str(AccessToken.for_user(users["Loyalty staff"])),
        "RISK_TOKEN": str(AccessToken.for_user(users["Risk"])),
        "OPERATOR_TOKEN": str(AccessToken.for_user(users["Operator"])),
        "FINANCE_TOKEN": str(AccessToken.for_user(users["Finance"])),
    }


def make_ring_under_review() -> Ring:
    ring = make_ring()
    members = ("R001", "R002")
    Player.objects.bulk_create(Player(player_id=player_id) for player_id in members)
    open_ring_cases(ring_number=ring.pk, reasons=dict.fromkeys(members, "One device"), by=None)
    return ring


# An example and the answer that the guide shows right below it.
_ANSWERED = re.compile(r"```sh\n((?:(?!```).)*)```\n\n```json\n(.*?)```", re.DOTALL)
_MARK = "----- answer to the example that starts with "


def run(script: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-c", _STRICT + script],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script[-400:]}\n{done.stdout[-2000:]}\n{done.stderr}"
    return done.stdout


def answer_to(example: str, answers: str, address: str) -> str:
    """Return what was printed after an example was announced."""
    announced = (_MARK + example).replace("http://localhost:8000", address)
    return answers.partition(announced)[2].partition(_MARK)[0].strip()


def assert_shows(shown: Any, found: Any) -> None:
    """Compare what the guide shows with an answer, which may have more keys; "…" stands for what differs each time."""
    if isinstance(shown, dict):
        assert shown.keys() <= found.keys()
        for key, value in shown.items():
            assert_shows(value, found[key])
    elif isinstance(shown, list):
        assert len(shown) == len(found)
        for one, other in zip(shown, found, strict=True):
            assert_shows(one, other)
    else:
        assert found is not None if shown == "…" else shown == found


def test_every_example_of_the_guide_works_in_its_order(
    live_server: LiveServer, tokens: dict[str, str], tmp_path: Path
) -> None:
    guide = GUIDE.read_text()
    examples = _SHELL.findall(guide)
    ring = make_ring_under_review()
    (tmp_path / "players.csv").write_text(_CSV.findall(guide)[0])

    script = "\n".join(f"echo {quote(_MARK + example)}\n{example}" for example in examples)
    answers = run(script.replace("http://localhost:8000", live_server.url), tmp_path, RING=str(ring.pk), **tokens)

    shown = _ANSWERED.findall(guide)
    assert len(examples) > 30
    assert len(shown) > 10
    for example, answer in shown:
        assert_shows(json.loads(answer), json.loads(answer_to(example, answers, live_server.url)))
    assert '"SUCCEEDED"' in answers
    assert '"amount_computed":"300.00"' in answers
    assert ImportJob.objects.get().counts["inserted"] == 2
    assert ReviewCase.objects.filter(ring_number=ring.pk, outcome=CaseOutcome.CONFIRMED).count() == 2
    assert Player.objects.get(pk="P001").name == "Paula One"
    assert Player.objects.get(pk="P002").is_active is False
    assert RewardRule.objects.get().status == "ARCHIVED"
    orders = RedemptionOrder.objects.order_by("id").values_list("option__code", "status")
    assert list(orders) == [("BONUS_10", "CANCELLED"), ("DINNER", "FULFILLED"), ("TICKETS_3", "FULFILLED")]
    assert LoyaltyBalance.objects.get(player_id="P001").tickets_balance == 2


def test_the_examples_of_the_requirements_work_with_a_log_in_added(
    live_server: LiveServer, tokens: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "players.csv").write_text("player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\n")
    script = """
curl -X POST "http://localhost:8000/api/import/excel" \\
  -H "Authorization: Bearer $STAFF_TOKEN" \\
  -F "file=@players.csv"

curl -X POST "http://localhost:8000/api/rules" \\
  -H "Authorization: Bearer $STAFF_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "rule_id": "WEEKEND_BONUS",
    "name": "Weekend Warrior Bonus",
    "priority": 5,
    "conditions": {"total_wagered_min": 500},
    "reward_config": {
      "type": "BONUS_BALANCE",
      "formula": "total_wagered * 0.05",
      "max_amount": 200
    }
  }'

curl -H "Authorization: Bearer $STAFF_TOKEN" "http://localhost:8000/api/analytics/dashboard"
"""

    run(script.replace("http://localhost:8000", live_server.url), tmp_path, **tokens)

    assert Player.objects.get().pk == "P001"
    assert RewardRule.objects.get().reward_config["max_amount"] == 200


def test_the_documented_rule_and_player_give_the_documented_cashback(
    live_server: LiveServer, tokens: dict[str, str], tmp_path: Path
) -> None:
    header = "player_id,total_deposited,total_wagered,total_won,sessions,playtime_hours,last_deposit_date"
    (tmp_path / "players.csv").write_text(f"{header}\nP001,5000,15000,12000,25,48,2025-12-20\n")
    script = """
curl -X POST "http://localhost:8000/api/import/excel" -H "Authorization: Bearer $STAFF_TOKEN" -F "file=@players.csv"
curl -X POST "http://localhost:8000/api/batch/process" -H "Authorization: Bearer $OPERATOR_TOKEN" \\
  -H "Content-Type: application/json" -d '{"player_ids": ["P001"]}'

curl -X POST "http://localhost:8000/api/rules" -H "Authorization: Bearer $STAFF_TOKEN" \\
  -H "Content-Type: application/json" -d '{
  "rule_id": "LOSING_PLAYER_CASHBACK",
  "priority": 10,
  "conditions": {
    "segment": "LOSING",
    "net_loss_min": 100,
    "session_count_min": 3,
    "days_since_last_deposit": {"max": 7}
  },
  "reward": {
    "type": "BONUS_BALANCE",
    "formula": "net_loss * 0.10",
    "max_amount": 500,
    "wagering_requirement": 10,
    "expiry_hours": 48,
    "eligible_games": ["slots", "roulette"]
  }
}'

curl -X POST "http://localhost:8000/api/rules/LOSING_PLAYER_CASHBACK/test" -H "Authorization: Bearer $STAFF_TOKEN" \\
  -H "Content-Type: application/json" -d '{"player_id": "P001", "on": "2025-12-21"}'

curl -X PUT "http://localhost:8000/api/rules/LOSING_PLAYER_CASHBACK" -H "Authorization: Bearer $STAFF_TOKEN" \\
  -H "Content-Type: application/json" -d '{
  "conditions": {
    "segment": "LOSING",
    "net_loss_min": 100,
    "session_count_min": 3
  },
  "reward_config": {
    "type": "BONUS_BALANCE",
    "formula": "net_loss * 0.10",
    "max_amount": 500,
    "wagering_requirement": 10,
    "expiry_hours": 48
  }
}'
"""

    answers = run(script.replace("http://localhost:8000", live_server.url), tmp_path, **tokens)

    assert '"amount_computed":"300.00","verdict":"APPROVED","amount_given":"300.00"' in answers
    rule = RewardRule.objects.get()
    assert (rule.version, rule.priority, rule.conditions["session_count_min"]) == (2, 10, 3)
    assert "eligible_games" not in rule.reward_config


@pytest.mark.parametrize(
    "address",
    ["players", "players/P001", "rules", "rules/WEEKEND_BONUS", "tiers", "analytics/dashboard"],
)
def test_the_documented_addresses_answer(
    live_server: LiveServer, tokens: dict[str, str], tmp_path: Path, address: str
) -> None:
    cast.make_player("P001")
    cast.make_rule("WEEKEND_BONUS")

    answer = run(f'curl -H "Authorization: Bearer $STAFF_TOKEN" {live_server.url}/api/{address}', tmp_path, **tokens)

    assert "error" not in json.loads(answer)


def test_the_guides_error_is_what_the_api_answers(
    live_server: LiveServer, tokens: dict[str, str], tmp_path: Path
) -> None:
    script = f"""
command curl --silent -X POST {live_server.url}/api/rules -H "Authorization: Bearer $STAFF_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"rule_id": "X", "name": "X", "conditions": {{"total_wagred_min": 1}},
  "reward_config": {{"type": "TICKETS", "amount": 1}}}}'
"""

    answer = run(script, tmp_path, **tokens)

    shown = re.search(r"```json\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert shown is not None
    assert json.loads(answer) == json.loads(shown[1])

"""Pages of risk staff: what would be safe, caps of groups, assumptions in versions; the same question by API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import ApiUser
from rewards.tests.factories import evaluate, make_player, make_rule
from safety.cap_editing import save_cap
from safety.models import AssumptionVersion, RetentionMultiplier, RewardCap, RewardCapChange
from safety.tests.factories import set_baseline

CHECK = "admin:safety_safetyviolation_check_reward"


@pytest.fixture
def clients(db: None) -> dict[str, Client]:
    found = {}
    for role, user in cast.make_users().items():
        found[role] = Client()
        found[role].force_login(user)
    return found


def test_a_question_is_answered_with_every_step(clients: dict[str, Client]) -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    asked = {"player_id": "alice", "reward_type": "BONUS_BALANCE", "amount": "300"}

    page = clients["Analyst"].get(reverse(CHECK), asked).content.decode()

    assert "Safe: profitability and caps would let all of it pass." in page
    assert "600 × 6 × 1.8 × 0.05 = 324.00" in page
    refused = clients["Analyst"].get(reverse(CHECK), {**asked, "amount": "350"}).content.decode()
    assert "Not safe: UNPROFITABLE." in refused
    assert "0.00 granted before + 350.00 ≥ 324.00" in refused


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"player_id": "nobody"}, "no active player"), ({"eligible_games": "bingo"}, "there is no game category")],
)
def test_a_question_that_cannot_be_answered_says_why(
    clients: dict[str, Client], changed: dict[str, str], said: str
) -> None:
    make_player()
    asked = {"player_id": "alice", "reward_type": "BONUS_BALANCE", "amount": "300", **changed}

    assert said in clients["Risk"].get(reverse(CHECK), asked).content.decode()


def test_risk_sets_a_cap_of_a_group_with_its_reason_and_others_only_look(clients: dict[str, Client]) -> None:
    content = {"kind": "POOL", "window": "DAY", "segment": "NEW", "tier": "", "value": "500", "is_active": "on"}
    inline = {f"changes-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}
    address = reverse("admin:safety_rewardcap_add")

    assert clients["Analyst"].post(address, content).status_code == 403
    response = clients["Risk"].post(address, {**content, **inline, "reason": "the welcome season"})

    assert response.status_code == 302, response.context["errors"]
    cap, change = RewardCap.objects.get(), RewardCapChange.objects.get()
    assert (cap.segment, cap.value, change.reason) == ("NEW", Decimal("500.00"), "the welcome season")
    assert change.changed_by is not None


def test_a_multiplier_is_changed_with_a_reason_and_kept_as_a_version(clients: dict[str, Client]) -> None:
    row = RetentionMultiplier.objects.get(segment="NEW", reward_family="BONUS")
    address = reverse("admin:safety_retentionmultiplier_change", args=[row.pk])

    assert "reason" in clients["Risk"].post(address, {"multiplier": "1.6"}).context["adminform"].form.errors
    response = clients["Risk"].post(address, {"multiplier": "1.6", "reason": "measured in spring"})

    assert response.status_code == 302
    newest = AssumptionVersion.objects.first()
    assert newest is not None
    assert (newest.name, newest.reward_family, newest.value) == ("NEW", "BONUS", Decimal("1.6"))
    assert (newest.reason, newest.made_by) == ("measured in spring", "risk")
    assert clients["Risk"].post(reverse("admin:safety_retentionmultiplier_delete", args=[row.pk])).status_code == 403


def test_a_version_of_a_later_day_is_added_by_hand(clients: dict[str, Client]) -> None:
    content = {"kind": "HOUSE_EDGE", "name": "slots", "reward_family": "", "value": "0.04", "reason": "a new supplier"}
    tomorrow = timezone.localdate() + timedelta(days=1)

    response = clients["Finance"].post(
        reverse("admin:safety_assumptionversion_add"), {**content, "valid_from": tomorrow.isoformat()}
    )

    assert response.status_code == 302
    newest = AssumptionVersion.objects.first()
    assert newest is not None
    assert (newest.name, newest.value, newest.valid_from) == ("slots", Decimal("0.04"), tomorrow)


def test_the_figures_go_out_as_a_file_and_come_back(clients: dict[str, Client]) -> None:
    risk = clients["Risk"]
    text = risk.get(reverse("admin:safety_assumptionversion_export_file")).content.decode()
    changed = text.replace("RETENTION,NEW,LP,1.4", "RETENTION,NEW,LP,1.5").encode()
    given: dict[str, Any] = {"valid_from": timezone.localdate().isoformat(), "reason": "the new season"}

    address = reverse("admin:safety_assumptionversion_import_file")
    refused = risk.post(address, {**given, "file": SimpleUploadedFile("a.csv", b"kind\n")})
    assert "the columns kind,name,reward_family,value are needed" in refused.content.decode()
    assert risk.post(address, {**given, "file": SimpleUploadedFile("a.csv", changed)}).status_code == 302

    assert RetentionMultiplier.objects.get(segment="NEW", reward_family="LP").multiplier == Decimal("1.5")
    assert clients["Analyst"].get(address).status_code == 403


def test_integrators_ask_the_same_and_write_nothing(clients: dict[str, Client]) -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    body = {"player_id": "alice", "reward_type": "BONUS_BALANCE", "amount": "350.00"}

    status, answer = ApiUser(User.objects.get(username="integrator")).post("/api/safety/check", body)

    assert status == 200
    assert (answer["is_safe"], answer["obstacles"]) == (False, ["UNPROFITABLE"])
    assert (answer["expected_cost"], answer["expected_margin"]) == ("350.00", "324.00")
    assert answer["expected_value"] == "-26.00"
    assert answer["steps"][0] == {"name": "Money value", "how": "350.00 × 1 = 350.00"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"kind": "PER_PLAYER"}, "a cap per player needs a segment or a tier"),
        ({"kind": "POOL", "segment": "NEW", "tier": "GOLD"}, "segment and tier are both given"),
        ({"kind": "POOL", "value": "-1"}, "money of 0 or more with two decimals is needed"),
        ({"kind": "POOL", "segment": "VIP"}, "there is this cap already: change it in the list"),
    ],
)
def test_a_cap_that_cannot_be_is_refused_in_words(clients: dict[str, Client], asked: dict[str, str], says: str) -> None:
    save_cap(kind="POOL", segment="VIP", window="DAY", value=Decimal(5), reason="there", changed_by=None)
    given = {"window": "DAY", "value": "5", "is_active": "on", "reason": "why", **asked}

    page = clients["Risk"].post(reverse("admin:safety_rewardcap_add"), given)

    assert says in page.content.decode()
    assert RewardCap.objects.count() == 1


def test_the_caps_of_every_player_stand_above_those_of_groups(clients: dict[str, Client]) -> None:
    page = clients["Risk"].get(reverse("admin:safety_rewardcap_changelist")).content.decode()

    assert "For every player" in page
    assert "20,000.00" in page


def test_a_refusal_leads_to_its_rule_and_compares_cost_with_margin(clients: dict[str, Client]) -> None:
    make_player()
    rule = make_rule(reward={"amount": 400})
    evaluate()

    page = clients["Risk"].get(reverse("admin:safety_safetyviolation_changelist")).content.decode()

    assert reverse("admin:rewards_rewardrule_change", args=[rule.pk]) in page
    assert "cost 400.00 ≥ margin 231.43" in page

"""The life of a rule in the admin: buttons by status, pages that say what they do, the queue and the notices."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.models import Run
from loyalty.tests import cast
from loyalty.tests.test_admin_forms import RULE
from players.tests.factories import ON
from rewards.live import apply_reward
from rewards.models import RewardRule, RuleApproval
from rewards.rule_life.approval import submit_rule
from rewards.rule_life.editing import change_rule
from rewards.rule_life.revoking import run_revocation
from wallet.models import LoyaltyBalance


@pytest.fixture
def users(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, User]:
    monkeypatch.setattr("core.background.has_worker", lambda: False)
    return cast.make_users()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(users: dict[str, User]) -> Client:
    return logged_in(users["Loyalty staff"])


@pytest.fixture
def risk(users: dict[str, User]) -> Client:
    return logged_in(users["Risk"])


def page(step: str, rule_id: str = "CASHBACK") -> str:
    return reverse(f"admin:rewards_rewardrule_{step}", args=[rule_id])


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def waiting_change(users: dict[str, User], **content: Any) -> RuleApproval:
    """Return the request for a change that staff made of the running cashback."""
    cast.make_rule()
    change_rule(rule_id="CASHBACK", content=content or {"priority": 50}, by=users["Loyalty staff"])
    return submit_rule(rule_id="CASHBACK", by=users["Loyalty staff"], forecast_cost="70.00")


def test_a_rule_is_written_submitted_and_approved_on_its_pages(staff: Client, risk: Client) -> None:
    staff.post(reverse("admin:rewards_rewardrule_add"), RULE)

    staff.post(page("submit", "WEEKEND_BONUS"), {"forecast_cost": "500", "note": "For the weekend"})
    request = RuleApproval.objects.get()
    shown = text_of(risk.get(page("approve", "WEEKEND_BONUS")))
    answer = risk.post(
        page("approve", "WEEKEND_BONUS"),
        {"version": request.version, "content_hash": request.content_hash, "approve": "yes"},
    )

    assert "For the weekend" in shown
    assert "1,000.00 on one business date" in shown
    assert answer.status_code == 302
    assert RewardRule.objects.get().status == "ACTIVE"


def test_the_page_of_an_approval_shows_what_changes_and_warns(users: dict[str, User], risk: Client) -> None:
    waiting_change(users)

    shown = text_of(risk.get(page("approve")))

    assert "What changes against version 1" in shown
    assert "priority" in shown
    assert "It has neither a daily nor a total budget." in shown


def test_who_edited_gets_no_button_and_is_refused(users: dict[str, User], staff: Client) -> None:
    request = waiting_change(users)

    shown = text_of(staff.get(page("approve")))
    refused = text_of(staff.post(page("approve"), {"version": 2, "content_hash": request.content_hash, "approve": "y"}))

    assert "You edited or submitted this version" in shown
    assert 'name="approve"' not in shown
    assert "edited by staff and submitted by staff: somebody else must approve it" in refused
    assert RewardRule.objects.get().version == 1


def test_a_request_is_sent_back_with_a_reason(users: dict[str, User], staff: Client, risk: Client) -> None:
    waiting_change(users)

    missing = risk.post(page("approve"), {"version": 2, "reject": "yes", "reason": ""})
    risk.post(page("approve"), {"version": 2, "reject": "yes", "reason": "Far too high"})

    assert missing.status_code == 200
    assert RuleApproval.objects.get().status == "REJECTED"
    shown = text_of(staff.get(reverse("admin:rewards_rewardrule_change", args=["CASHBACK"])))
    assert "Version 2 was sent back by risk: Far too high" in shown


def test_the_form_shows_the_draft_beside_the_rule_that_runs(users: dict[str, User], staff: Client) -> None:
    waiting_change(users)

    response = staff.get(reverse("admin:rewards_rewardrule_change", args=["CASHBACK"]))

    assert response.context["adminform"].form["priority"].value() == 50
    assert "Version 1 runs." in text_of(response)


def test_saving_the_form_of_an_active_rule_makes_a_draft_and_says_so(staff: Client) -> None:
    cast.make_rule("WEEKEND_BONUS")

    url = reverse("admin:rewards_rewardrule_change", args=["WEEKEND_BONUS"])
    response = staff.post(url, {**RULE, "priority": "8"}, follow=True)

    rule = RewardRule.objects.get()
    assert (rule.status, rule.priority, rule.pending_version) == ("ACTIVE", 10, 2)
    assert "Version 2 is a draft beside version 1, which goes on." in text_of(response)


def test_a_rule_is_paused_resumed_and_archived_with_reasons(staff: Client) -> None:
    cast.make_rule()

    assert staff.post(page("pause"), {"reason": ""}).status_code == 200
    statuses = []
    for step in ("pause", "resume", "archive"):
        staff.post(page(step), {"reason": "Because"})
        statuses.append(RewardRule.objects.get().status)

    assert statuses == ["PAUSED", "ACTIVE", "ARCHIVED"]


def test_an_archived_rule_is_only_looked_at(staff: Client) -> None:
    cast.make_rule("WEEKEND_BONUS")
    staff.post(page("archive", "WEEKEND_BONUS"), {"reason": ""})

    url = reverse("admin:rewards_rewardrule_change", args=["WEEKEND_BONUS"])

    assert "it never runs again" in text_of(staff.get(url))
    assert staff.post(url, {**RULE, "priority": "8"}).status_code == 403


def test_a_step_that_is_refused_says_why(staff: Client) -> None:
    cast.make_rule()

    assert "only a paused one is resumed" in text_of(staff.post(page("resume"), {"reason": ""}))


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("DRAFT", {"submit", "archive", "compare"}),
        ("ACTIVE", {"pause", "archive", "compare"}),
        ("PAUSED", {"resume", "archive", "compare"}),
    ],
)
def test_a_rule_offers_the_steps_its_status_leads_to(staff: Client, status: str, offered: set[str]) -> None:
    cast.make_rule(status=status)

    shown = text_of(staff.get(reverse("admin:rewards_rewardrule_change", args=["CASHBACK"])))

    steps = ("submit", "approve", "pause", "resume", "archive", "revoke", "compare")
    assert {step for step in steps if f'href="{page(step)}"' in shown} == offered


def test_two_versions_are_compared(users: dict[str, User], staff: Client) -> None:
    waiting_change(users, priority=77)

    newest = text_of(staff.get(page("compare")))
    same = text_of(staff.get(page("compare"), {"before": "1", "after": "1"}))
    unknown = staff.get(page("compare"), {"before": "1", "after": "9"})

    assert "What changed from version 1 to version 2" in newest
    assert "77" in newest
    assert "They say the same." in same
    assert unknown.status_code == 200


def test_rewards_are_revoked_after_a_look(risk: Client) -> None:
    cast.make_player("alice")
    rule = cast.make_rule(reward_config={"type": "TICKETS", "amount": 3})
    apply_reward(player_id="alice", rule=rule, on=ON)

    shown = text_of(risk.get(page("revoke")))
    unconfirmed = risk.post(page("revoke"), {"reason": "Wrong rule"})
    held = LoyaltyBalance.objects.get().tickets_balance
    answer = risk.post(page("revoke"), {"reason": "Wrong rule", "is_confirmed": "on"})

    assert "Take back 1 reward" in shown
    assert "The rule is active and goes on giving." in shown
    assert (unconfirmed.status_code, held) == (200, 3)
    assert answer.status_code == 302
    assert LoyaltyBalance.objects.get().tickets_balance == 0
    assert "Done: what was left is taken back." in text_of(risk.get(answer["Location"]))


def test_a_revocation_under_way_is_watched(risk: Client, staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.background.has_worker", lambda: True)
    monkeypatch.setattr("rewards.tasks.run_revocation.delay", [].append)
    cast.make_player("alice")
    apply_reward(player_id="alice", rule=cast.make_rule(reward_config={"type": "TICKETS", "amount": 3}), on=ON)

    url = risk.post(page("revoke"), {"reason": "Wrong rule", "is_confirmed": "on"})["Location"]
    waiting = text_of(risk.get(url))
    run_revocation(Run.objects.latest("id").pk)
    done = text_of(risk.get(url, {"progress": "1"}))

    assert "It waits for a worker." in waiting
    assert 'hx-trigger="every 2s"' in waiting
    assert "Rewards taken back" in done
    assert "hx-trigger" not in done
    assert staff.get(url).status_code == 403
    assert risk.get(url.replace("revocations/", "revocations/9")).status_code == 404


def test_the_sidebar_counts_what_waits_for_ones_approval(users: dict[str, User], staff: Client, risk: Client) -> None:
    waiting_change(users)
    cast.make_rule("OTHER")
    queue = reverse("admin:rewards_rewardrule_changelist") + "?waits=me"

    def badge(client: Client) -> Any:
        (group,) = [
            item
            for part in client.get(reverse("admin:index")).context["sidebar_navigation"]
            for item in part["items"]
            if item["title"] == "Waiting for my approval"
        ]
        return group.get("badge")

    assert (badge(staff), badge(risk)) == (None, "1")
    assert [rule.pk for rule in risk.get(queue).context["cl"].result_list] == ["CASHBACK"]
    assert list(staff.get(queue).context["cl"].result_list) == []


@pytest.mark.parametrize(
    ("waits", "found"),
    [("anybody", {"CASHBACK"}), ("draft", {"DRAFT"}), ("guardrail", {"STOPPED"}), ("nonsense", None)],
)
def test_rules_are_listed_by_what_waits(
    users: dict[str, User], staff: Client, waits: str, found: set[str] | None
) -> None:
    waiting_change(users)
    cast.make_rule("DRAFT", status="DRAFT")
    cast.make_rule("STOPPED", status="PAUSED")
    RewardRule.objects.filter(pk="STOPPED").update(is_stopped_by_guardrail=True)

    rows = staff.get(reverse("admin:rewards_rewardrule_changelist"), {"waits": waits}).context["cl"].result_list

    assert {rule.pk for rule in rows} == (found or {"CASHBACK", "DRAFT", "STOPPED"})


def test_the_dashboard_tells_of_a_rule_that_its_guardrail_stopped(staff: Client) -> None:
    cast.make_rule(status="PAUSED")
    RewardRule.objects.update(is_stopped_by_guardrail=True)

    assert "was stopped by its guardrail" in text_of(staff.get(reverse("admin:index")))


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("Loyalty staff", {"submit", "approve", "pause", "resume", "archive", "compare"}),
        ("Risk", {"approve", "pause", "resume", "revoke", "compare"}),
        ("Finance", {"revoke", "compare"}),
        ("Analyst", {"compare"}),
    ],
)
def test_who_reaches_which_step(users: dict[str, User], role: str, allowed: set[str]) -> None:
    cast.make_rule()
    client = logged_in(users[role])
    steps = ("submit", "approve", "pause", "resume", "archive", "revoke", "compare")

    assert {step for step in steps if client.get(page(step)).status_code == 200} == allowed


@pytest.mark.parametrize("rule_id", ["NOTHING", "A\x00B"])
def test_the_page_of_a_rule_that_does_not_exist_is_not_found(staff: Client, rule_id: str) -> None:
    url = page("pause", "X").replace("/X/", f"/{rule_id}/".replace("\x00", "%00"))

    assert staff.get(url).status_code == 404

"""The admin's frame: what the sidebar lists and what the search box finds."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Q
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from unfold.dataclasses import SearchResult

from players.models import Player
from players.searching import search_players
from reporting.admin.dashboard import dashboard_page
from rewards.admin.rule_life.filters import FOR_ME, PARAMETER
from rewards.models import RewardRule
from rewards.rule_life.requests import requests_waiting_for

_FOUND_MAX = 10

# Floors of the house; model, title, icon. A line is shown to those who may look at its model.
_SIDEBAR: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Players",
        (
            ("players.player", "Players", "person"),
            ("players.importjob", "Spreadsheet imports", "upload_file"),
            ("players.activityfile", "Event files", "upload_file"),
            ("players.playermetrics", "Metrics", "query_stats"),
            ("players.playerday", "Daily play", "calendar_month"),
            ("players.activity", "Activity", "timeline"),
            ("players.activityexception", "Activity exceptions", "report"),
            ("players.sourcechange", "Files or the feed", "sync_alt"),
            ("players.tier", "Tiers", "military_tech"),
            ("players.gamecategory", "Game categories", "casino"),
        ),
    ),
    (
        "Rewards",
        (
            ("rewards.rewardrule", "Rules", "rule"),
            ("rewards.ruleforecast", "Cost forecasts", "query_stats"),
            ("rewards.rewarddecision", "Decisions", "gavel"),
            ("rewards.rewardhistory", "Rewards given", "redeem"),
            ("rewards.rulebudgetday", "Budgets used", "savings"),
            ("rewards.perktask", "VIP perks", "diamond"),
            ("reporting.controlgroupresult", "Control groups", "science"),
            ("rewards.redemptionoption", "Redemption catalogue", "storefront"),
            ("rewards.redemptionorder", "Redemption orders", "shopping_bag"),
        ),
    ),
    (
        "Wallet",
        (
            ("wallet.loyaltybalance", "Balances", "account_balance_wallet"),
            ("wallet.ledgerentry", "Ledger", "receipt_long"),
            ("wallet.lot", "Lots and bonuses", "inventory_2"),
            ("wallet.bet", "Bets", "toll"),
            ("wallet.operation", "Operations", "swap_horiz"),
            ("wallet.postingrefusal", "Refused credits", "block"),
            ("wallet.ledgerdigest", "Digests", "fingerprint"),
            ("reporting.liabilityday", "Liability", "balance"),
        ),
    ),
    (
        "Safety",
        (
            ("safety.reviewcase", "Review queue", "policy"),
            ("safety.abusesignal", "Abuse signals", "report"),
            ("safety.ring", "Rings", "hub"),
            ("safety.detector", "Detectors", "radar"),
            ("players.playerrestriction", "Restrictions", "do_not_disturb_on"),
            ("players.liftrequest", "Wishes to lift", "lock_open"),
            ("players.restrictioneffect", "Restriction matrix", "grid_on"),
            ("players.creditrequirement", "Age and identity rules", "badge"),
            ("safety.jurisdictionprofile", "Jurisdictions", "policy"),
            ("safety.vipapproval", "VIP approvals", "diamond"),
            ("players.playerjurisdictionchange", "Players' jurisdictions", "edit_location"),
            ("safety.safetyviolation", "Refused by safety", "gpp_bad"),
            ("safety.rewardcap", "Reward caps", "vertical_align_top"),
            ("safety.assumptionversion", "Assumptions: history", "history"),
            ("safety.retentionmultiplier", "Retention multipliers", "trending_up"),
            ("safety.unitvalue", "Unit values", "price_change"),
            ("safety.earnrateacceptance", "Rates above the edge", "group_add"),
            ("safety.cashgrant", "Paid as cash", "payments"),
            ("safety.contamination", "Credits to control players", "water_drop"),
        ),
    ),
    (
        "Histories",
        (
            ("reporting.dailysummary", "Daily summaries", "summarize"),
            ("players.segmentchange", "Segment changes", "swap_vert"),
            ("rewards.pointsearnedday", "Points earned", "trending_up"),
            ("players.tierchange", "Tier changes", "stairs"),
            ("players.activityarchive", "Archived activity", "archive"),
            ("players.restrictionchange", "Restriction changes", "history_toggle_off"),
            ("players.riskscorechange", "Risk score changes", "monitor_heart"),
            ("rewards.rewardruleversion", "Rule versions", "history"),
            ("rewards.ruleapproval", "Rule approvals", "how_to_reg"),
            ("rewards.ruleevent", "Rule events", "published_with_changes"),
            ("safety.reviewevent", "Review events", "fact_check"),
            ("safety.reviewevidence", "Review evidence", "attach_file"),
            ("safety.reviewcasehistory", "States of review cases", "manage_history"),
            ("safety.abusesignalhistory", "Judgements of signals", "rule_folder"),
            ("safety.detectorchange", "Detector changes", "tune"),
            ("safety.signallabel", "Shadow signals judged", "fact_check"),
            ("admin.logentry", "Changes by staff", "history_edu"),
        ),
    ),
    (
        "House",
        (
            ("core.policyvalue", "Policies", "tune"),
            ("core.run", "Runs", "nights_stay"),
            ("core.outboxevent", "Outgoing events", "outbox"),
            ("django_celery_beat.periodictask", "Schedule", "schedule"),
            ("auth.user", "Users", "group"),
            ("auth.group", "Roles", "badge"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar as the user may see it."""
    dashboard = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [dashboard]}]
    groups += [
        {"title": title, "collapsible": False, "items": items}
        for title, lines in _SIDEBAR
        if (items := [_item(*line) for line in lines if _may_view(request, line[0])])
    ]
    if request.user.has_perm("rewards.approve_rewardrule"):
        groups[0]["items"].append(_approval_queue(request))
    return groups


def _approval_queue(request: HttpRequest) -> dict[str, Any]:
    """Return the line that leads to the rules the user may approve, with how many wait."""
    waiting = requests_waiting_for(request.user).count()  # type: ignore[arg-type]  # the right lets only users in
    link = f"{reverse('admin:rewards_rewardrule_changelist')}?{PARAMETER}={FOR_ME}"
    is_shown = request.GET.get(PARAMETER) == FOR_ME
    line = {"title": "Waiting for my approval", "icon": "how_to_reg", "link": link, "active": is_shown}
    return {**line, **({"badge": str(waiting), "badge_variant": "warning"} if waiting else {})}


def stylesheet(_: HttpRequest) -> str:
    """Return the address of the house's own style."""
    return static("loyalty/admin.css")


def favicon(_: HttpRequest) -> str:
    """Return the address of the sign that browsers show on a tab."""
    return static("loyalty/favicon.svg")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the key figures to the admin's first page, for those who may see them."""
    if request.user.has_perm("reporting.view_dailysummary"):
        context["dashboard"] = dashboard_page()
    return context


def search(request: HttpRequest, _: str) -> list[SearchResult]:
    """Find players and rules from anywhere; the term is taken as typed, because player ids mind their case."""
    term = request.GET.get("s", "").strip()
    if not term or "\x00" in term:
        return []
    return [*_players_found(request, term), *_rules_found(request, term)]


def _players_found(request: HttpRequest, term: str) -> list[SearchResult]:
    if not _may_view(request, "players.player"):
        return []
    return [
        SearchResult(
            title=player.pk, description=player.name or "Player", link=_page("players_player", player.pk), icon="person"
        )
        for player in search_players(Player.objects.all(), term)[:_FOUND_MAX]
    ]


def _rules_found(request: HttpRequest, term: str) -> list[SearchResult]:
    if not _may_view(request, "rewards.rewardrule"):
        return []
    rules = RewardRule.objects.filter(Q(rule_id__icontains=term) | Q(name__icontains=term))[:_FOUND_MAX]
    return [
        SearchResult(title=rule.name, description=rule.pk, link=_page("rewards_rewardrule", rule.pk), icon="rule")
        for rule in rules
    ]


def _page(model: str, key: str) -> str:
    return reverse(f"admin:{model}_change", args=[quote(key)])


def _item(model: str, title: str, icon: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(f"admin:{model.replace('.', '_')}_changelist")}


def _may_view(request: HttpRequest, model: str) -> bool:
    app, name = model.split(".")
    return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}")

"""Every address of the API, each with and without a slash at its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import URLPattern, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from loyalty.api.actions import ActionList
from loyalty.api.activity import ActivityList, PlayerActivity, PlayerSourceSwitch
from loyalty.api.batch import BatchProcess
from loyalty.api.tokens import TokenObtain, TokenRefresh
from players.api.importing import ImportStatus, ImportUpload
from players.api.tiers import TierDetail, TierList
from reporting.api.analytics import Dashboard
from reporting.api.players import PlayerDetail, PlayerList
from reporting.api.statements import PlayerStatement
from rewards.api.explaining import RuleExplanation
from rewards.api.forecasts import RuleBacktest, RuleForecastDetail, RuleOverlaps, RuleSimulate
from rewards.api.jurisdictions import RuleJurisdictions
from rewards.api.redemption import OptionList, OrderCancel, OrderFulfil, OrderList
from rewards.api.review_rings import ReviewRingClaim, ReviewRingDecide
from rewards.api.reviewing import (
    ReviewCaseAppeal,
    ReviewCaseAssign,
    ReviewCaseClaim,
    ReviewCaseDecide,
    ReviewCaseDetail,
    ReviewCaseLinks,
    ReviewCaseList,
    ReviewCaseNotes,
    ReviewCaseRelease,
)
from rewards.api.rule_life import (
    RuleApprove,
    RuleArchive,
    RulePause,
    RuleReject,
    RuleResume,
    RuleRevocation,
    RuleRevoke,
    RuleSubmit,
    RuleVersions,
)
from rewards.api.rule_schema import RuleCheck, RuleFields, RuleSchema
from rewards.api.rules import RuleDetail, RuleList, RuleTest
from rewards.api.tiers import TierPreviewView
from safety.api.checks import SafetyCheck
from safety.api.credits import AddBonus, AddPoints, AddRewardPoints, AddTickets
from safety.api.detection import DetectPlayer
from safety.api.jurisdictions import JurisdictionDetail, JurisdictionList, PlayerJurisdiction
from safety.api.vip_approvals import PlayerVipApprovals, VipApprove, VipChecks, VipRefuse, VipRevoke
from wallet.api.balances import PlayerBalances
from wallet.api.bets import BetDetail, PlaceBet, SettleBet, VoidBet
from wallet.api.bonuses import CancelBonus, ClaimBonus, PlayerBonuses
from wallet.api.corrections import Adjust, Reverse, TakeBack
from wallet.api.restrictions import (
    CorrectRestriction,
    DecideLift,
    LiftRestriction,
    MoveRestrictionEnd,
    RestrictionDetail,
    RestrictionList,
)
from wallet.api.spending import Deduct, Withdrawals
from wallet.api.tickets import UseTickets


class Nowhere(APIView):
    """What answers where nothing is, in the one shape of errors."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Say so, whatever the method."""
        raise NotFound("There is nothing at this address; see /api/docs/.")


_ENDPOINTS: tuple[tuple[str, Any, str], ...] = (
    ("token", TokenObtain, "token"),
    ("token/refresh", TokenRefresh, "token-refresh"),
    ("players", PlayerList, "players"),
    ("players/<str:player_id>", PlayerDetail, "player"),
    ("players/<str:player_id>/statement", PlayerStatement, "player-statement"),
    ("players/<str:player_id>/detect", DetectPlayer, "player-detect"),
    ("players/<str:player_id>/activity", PlayerActivity, "player-activity"),
    ("players/<str:player_id>/source", PlayerSourceSwitch, "player-source"),
    ("players/<str:player_id>/balance", PlayerBalances, "player-balance"),
    ("players/<str:player_id>/bonuses", PlayerBonuses, "player-bonuses"),
    ("players/<str:player_id>/bonuses/<int:bonus_id>/claim", ClaimBonus, "player-bonus-claim"),
    ("players/<str:player_id>/bonuses/<int:bonus_id>/cancel", CancelBonus, "player-bonus-cancel"),
    ("players/<str:player_id>/jurisdiction", PlayerJurisdiction, "player-jurisdiction"),
    ("players/<str:player_id>/vip-approvals", PlayerVipApprovals, "player-vip-approvals"),
    ("vip-approvals/<int:approval_id>/checks", VipChecks, "vip-approval-checks"),
    ("vip-approvals/<int:approval_id>/approve", VipApprove, "vip-approval-approve"),
    ("vip-approvals/<int:approval_id>/refuse", VipRefuse, "vip-approval-refuse"),
    ("vip-approvals/<int:approval_id>/revoke", VipRevoke, "vip-approval-revoke"),
    ("jurisdictions", JurisdictionList, "jurisdictions"),
    ("jurisdictions/<str:code>", JurisdictionDetail, "jurisdiction"),
    ("bets", PlaceBet, "bets"),
    ("bets/<str:bet_id>", BetDetail, "bet"),
    ("bets/<str:bet_id>/settle", SettleBet, "bet-settle"),
    ("bets/<str:bet_id>/void", VoidBet, "bet-void"),
    ("rules", RuleList, "rules"),
    ("rules/schema", RuleSchema, "rule-schema"),
    ("rules/fields", RuleFields, "rule-fields"),
    ("rules/check", RuleCheck, "rule-check"),
    ("rules/overlap", RuleOverlaps, "rules-overlap"),
    ("rules/forecasts/<int:forecast_id>", RuleForecastDetail, "rule-forecast"),
    ("rules/<str:rule_id>", RuleDetail, "rule"),
    ("rules/<str:rule_id>/test", RuleTest, "rule-test"),
    ("rules/<str:rule_id>/explain", RuleExplanation, "rule-explain"),
    ("rules/<str:rule_id>/jurisdictions", RuleJurisdictions, "rule-jurisdictions"),
    ("rules/<str:rule_id>/versions", RuleVersions, "rule-versions"),
    ("rules/<str:rule_id>/submit", RuleSubmit, "rule-submit"),
    ("rules/<str:rule_id>/approve", RuleApprove, "rule-approve"),
    ("rules/<str:rule_id>/reject", RuleReject, "rule-reject"),
    ("rules/<str:rule_id>/pause", RulePause, "rule-pause"),
    ("rules/<str:rule_id>/resume", RuleResume, "rule-resume"),
    ("rules/<str:rule_id>/archive", RuleArchive, "rule-archive"),
    ("rules/<str:rule_id>/revoke", RuleRevoke, "rule-revoke"),
    ("rules/<str:rule_id>/revocations/<int:run_id>", RuleRevocation, "rule-revocation"),
    ("rules/<str:rule_id>/simulate", RuleSimulate, "rule-simulate"),
    ("rules/<str:rule_id>/backtest", RuleBacktest, "rule-backtest"),
    ("tiers", TierList, "tiers"),
    ("tiers/<int:tier_id>", TierDetail, "tier"),
    ("tiers/<int:tier_id>/preview", TierPreviewView, "tier-preview"),
    ("activity", ActivityList, "activity"),
    ("actions", ActionList, "actions"),
    ("import/excel", ImportUpload, "import-excel"),
    ("import/status/<int:job_id>", ImportStatus, "import-status"),
    ("batch/process", BatchProcess, "batch-process"),
    ("safety/check", SafetyCheck, "safety-check"),
    ("wallet/add-lp", AddPoints, "wallet-add-lp"),
    ("wallet/add-rp", AddRewardPoints, "wallet-add-rp"),
    ("wallet/add-tickets", AddTickets, "wallet-add-tickets"),
    ("wallet/add-bonus", AddBonus, "wallet-add-bonus"),
    ("wallet/use-tickets", UseTickets, "wallet-use-tickets"),
    ("redemption/options", OptionList, "redemption-options"),
    ("redemption/orders", OrderList, "redemption-orders"),
    ("redemption/orders/<int:order_id>/cancel", OrderCancel, "redemption-order-cancel"),
    ("redemption/orders/<int:order_id>/fulfil", OrderFulfil, "redemption-order-fulfil"),
    ("wallet/deduct", Deduct, "wallet-deduct"),
    ("wallet/withdrawals", Withdrawals, "wallet-withdrawals"),
    ("wallet/reverse", Reverse, "wallet-reverse"),
    ("wallet/take-back", TakeBack, "wallet-take-back"),
    ("wallet/adjust", Adjust, "wallet-adjust"),
    ("restrictions", RestrictionList, "restrictions"),
    ("restrictions/<int:restriction_id>", RestrictionDetail, "restriction"),
    ("restrictions/<int:restriction_id>/move-end", MoveRestrictionEnd, "restriction-move-end"),
    ("restrictions/<int:restriction_id>/lift", LiftRestriction, "restriction-lift"),
    ("restrictions/<int:restriction_id>/correct", CorrectRestriction, "restriction-correct"),
    ("restrictions/<int:restriction_id>/decide-lift", DecideLift, "restriction-decide-lift"),
    ("review/cases", ReviewCaseList, "review-cases"),
    ("review/cases/<int:case_id>", ReviewCaseDetail, "review-case"),
    ("review/cases/<int:case_id>/claim", ReviewCaseClaim, "review-case-claim"),
    ("review/cases/<int:case_id>/release", ReviewCaseRelease, "review-case-release"),
    ("review/cases/<int:case_id>/assign", ReviewCaseAssign, "review-case-assign"),
    ("review/cases/<int:case_id>/notes", ReviewCaseNotes, "review-case-notes"),
    ("review/cases/<int:case_id>/links", ReviewCaseLinks, "review-case-links"),
    ("review/cases/<int:case_id>/decide", ReviewCaseDecide, "review-case-decide"),
    ("review/cases/<int:case_id>/appeal", ReviewCaseAppeal, "review-case-appeal"),
    ("review/rings/<int:ring_number>/claim", ReviewRingClaim, "review-ring-claim"),
    ("review/rings/<int:ring_number>/decide", ReviewRingDecide, "review-ring-decide"),
    ("analytics/dashboard", Dashboard, "analytics-dashboard"),
)


def _both_forms(endpoints: Iterable[tuple[str, Any, str]]) -> list[URLPattern]:
    patterns = []
    for route, view, name in endpoints:
        patterns.append(path(route, view.as_view(), name=name))
        patterns.append(path(f"{route}/", view.as_view(), name=f"{name}-slash"))
    return patterns


urlpatterns = [
    *_both_forms(_ENDPOINTS),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema"), name="api-redoc"),
    re_path(r"", Nowhere.as_view()),
]

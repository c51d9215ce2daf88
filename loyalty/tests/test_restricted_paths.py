"""Restriction × path: no way to a credit leads past a restriction, and none can be added without being walked here."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from core.models import OutboxEvent
from core.tests.threads import while_held_open
from loyalty.api.urls import urlpatterns
from loyalty.tests import cast
from loyalty.tests.credit_paths import PATHS, run_night, walk
from loyalty.tests.credit_sites import credit_sites
from players.models import CreditPurpose, Player, RestrictionEffect, RestrictionKind
from players.restrictions.imposing import Word
from players.tests.factories import restrict
from rewards.models import RewardHistory, RewardRule, RewardType
from rewards.tests.factories import make_player
from safety.models import CashGrant
from wallet.models import Bet, LedgerEntry, Lot
from wallet.reconciliation import reconcile
from wallet.restricting import restrict_player

pytestmark = pytest.mark.django_db

# Where the code reaches what a player can have, and the paths that go through there; empty: it gives nobody anything.
SITES: dict[str, tuple[str, ...]] = {
    "rewards/issuing.py:_POST_SQL": (
        "night-bonus",
        "night-lp",
        "apply-reward",
        "process-players",
        "live-rule",
        "review-released",
        "ring-released",
    ),
    "rewards/cash.py:_PAY_SQL": ("night-cash",),
    "rewards/perks.py:complete_perk": ("night-perk",),
    "rewards/redemption/ordering.py:order_redemption": ("redeem-bonus", "redeem-tickets", "redeem-benefit"),
    "wallet/bonuses.py:add_bonus_balance": ("service-bonus", "capped-bonus", "api-bonus"),
    "wallet/points.py:_credit": ("service-lp", "service-rp", "service-tickets", "capped-points", "api-lp"),
    "wallet/play.py:_POST_DAYS_SQL": ("night-play", "flush-play"),
    "wallet/play.py:_POST_OPENINGS_SQL": ("night-opening", "flush-opening", "import"),
    "wallet/corrections.py:adjust_balance": ("adjust", "admin-adjust", "api-adjust"),
    "wallet/corrections.py:reverse_operation": ("spend-reversed", "order-cancelled"),
    "wallet/bets/settling.py:_close": ("bet-won", "bet-void"),
    "wallet/bonus_life.py:_claim": ("claim", "api-claim"),
    "wallet/bonus_life.py:release_pending_credits": ("release", "api-release"),
    "wallet/ledger.py:post_operation": ("core-one", "core-debit-purposes"),
    "wallet/ledger.py:_call_core": ("core-set", "core-sql"),
    # What a bonus is worth in real money once it is met: a settlement, held back by the rules on age and identity.
    "wallet/bonus_life.py:_COMPLETE_SQL": ("bet-won",),
    # These take, count or end.
    "wallet/bets/placing.py:_place": (),
    "wallet/bets/settling.py:_store_shares": (),
    "wallet/bonus_life.py:_end_bonuses": (),
    "wallet/bonus_life.py:record_wagering": (),
    "wallet/bonus_life.py:show_progress": (),
    "wallet/corrections.py:take_back_remaining": (),
    "wallet/expiry.py:_EXPIRE_INACTIVE_SQL": (),
    "wallet/expiry.py:_EXPIRE_SQL": (),
    "wallet/ledger_shape.py:_BONUS_REFRESH": (),
    "wallet/play.py:_TAKE_BACK_SQL": (),
    "wallet/points.py:deduct_balance": (),
    "wallet/restricting.py:_CANCEL_SQL": (),
    "wallet/taking_back.py:_TAKE_SQL": (),
    "wallet/tickets.py:use_tickets": (),
    # Simulations write tables of their own, which end with them.
    "rewards/simulation/balances.py:carry_balances_to": (),
    "rewards/simulation/replaying.py:_book": (),
}
# Every address of the API that may be posted to, in the same way.
ENDPOINTS: dict[str, tuple[str, ...]] = {
    "wallet-add-lp": ("api-lp",),
    "wallet-add-rp": ("api-rp",),
    "wallet-add-tickets": ("api-tickets",),
    "wallet-add-bonus": ("api-bonus",),
    "wallet-adjust": ("api-adjust",),
    "wallet-reverse": ("spend-reversed",),
    "player-bonus-claim": ("api-claim",),
    "redemption-orders": ("api-redeem",),
    "redemption-order-fulfil": ("redeem-benefit",),
    "redemption-order-cancel": ("order-cancelled",),
    "actions": ("api-action", "api-release"),
    "activity": ("feed-live", "feed-release", "feed-play"),
    "review-case-decide": ("review-released",),
    "review-ring-decide": ("ring-released",),
    "batch-process": ("api-batch",),
    "import-excel": ("import",),
    "bet-settle": ("bet-won",),
    "bet-void": ("bet-void",),
    **dict.fromkeys(
        (
            "token", "token-refresh", "players", "bets", "player-bonus-cancel", "wallet-use-tickets", "wallet-deduct",
            "wallet-withdrawals", "wallet-take-back", "tiers", "tier-preview", "rules", "rule-check", "rules-overlap",
            "rule-test", "rule-submit", "rule-approve", "rule-reject", "rule-pause", "rule-resume", "rule-archive",
            "rule-revoke", "rule-simulate", "rule-backtest", "restrictions", "restriction-move-end", "restriction-lift",
            "restriction-correct", "restriction-decide-lift", "player-source", "player-detect", "safety-check",
            "review-cases",
            "review-case-claim", "review-case-release", "review-case-assign", "review-case-notes", "review-case-links",
            "review-case-appeal", "review-ring-claim", "player-vip-approvals", "vip-approval-checks",
            "vip-approval-approve", "vip-approval-refuse", "vip-approval-revoke",
        ),
        (),
    ),
}  # fmt: skip


def test_every_place_that_gives_is_on_a_path() -> None:
    assert credit_sites() == set(SITES), "walk the new place in credit_paths.py and name its paths here"
    assert {name for names in SITES.values() for name in names} <= set(PATHS)


def test_every_address_that_may_be_posted_to_is_on_a_path_or_gives_nothing() -> None:
    posted = {pattern.name for pattern in urlpatterns if "post" in dir(getattr(pattern.callback, "view_class", None))}

    assert {name for name in posted if name and not name.endswith("-slash")} <= set(ENDPOINTS)
    assert {name for names in ENDPOINTS.values() for name in names} <= set(PATHS)


def test_the_paths_are_for_every_purpose_that_gives() -> None:
    taking = {CreditPurpose.BET, CreditPurpose.SPEND, CreditPurpose.EXPIRY, CreditPurpose.ADJUSTMENT}

    assert {path.purpose for path in PATHS.values()} == set(CreditPurpose.values) - taking


def holdings(player_id: str) -> dict[str, Any]:
    """Return what tells whether a player was given something."""
    return {
        "entry": LedgerEntry.objects.filter(player_id=player_id, amount__gt=0).count(),
        "reward": RewardHistory.objects.filter(player_id=player_id).count(),
        "cash": CashGrant.objects.filter(player_id=player_id).count(),
        "told to pay": OutboxEvent.objects.filter(topic="reward.cash", payload__player_id=player_id).count(),
        "usable": Lot.objects.filter(player_id=player_id, status="ACTIVE").count(),
        "handed over": OutboxEvent.objects.filter(topic="redemption.fulfilled", payload__player_id=player_id).count(),
    }


def outcome(player_id: str, *, before: dict[str, Any]) -> str:
    """Say what a path has led to."""
    after = holdings(player_id)
    if all(after[what] <= before[what] for what in after):
        return "REFUSE"
    new = LedgerEntry.objects.filter(player_id=player_id, amount__gt=0).order_by("number")[before["entry"] :]
    return "MARK" if new and all("restricted" in entry.metadata for entry in new) else "ALLOW"


def prepare_paths() -> list[Player]:
    """Make the player of every path, with what must be there before it is gone."""
    cast.make_users()
    players = [make_player(name, country=name) for name in PATHS]
    for name, path in PATHS.items():
        path.prepare(name)
    return players


def walk_all() -> dict[str, str]:
    """Go every path and say what each has led to."""
    before = {name: holdings(name) for name in PATHS}
    found = {}
    for name, path in PATHS.items():
        if path.act is not None:
            walk(path, name)
            found[name] = outcome(name, before=before[name])
    # Afterwards: the night would go the ways of others, too.
    run_night()
    return found | {name: outcome(name, before=before[name]) for name in PATHS if name not in found}


def said_by_the_matrix(kind: str | None) -> dict[str, str]:
    """Return what the matrix says of every path under a kind of restriction."""
    effects = dict(RestrictionEffect.objects.filter(kind=kind).values_list("purpose", "effect"))
    return {name: effects.get(path.purpose, "ALLOW") for name, path in PATHS.items()}


@pytest.mark.parametrize("kind", [None, *RestrictionKind.values])
def test_every_path_leads_where_the_matrix_says(kind: str | None) -> None:
    players = prepare_paths()
    assert set(RewardRule.objects.values_list("reward_config__type", flat=True)) == set(RewardType.values)
    if kind is not None:
        for player in players:
            restrict(player, kind)

    assert walk_all() == said_by_the_matrix(kind)
    reconcile()


def test_of_several_restrictions_those_alone_hold_that_have_begun_and_not_ended() -> None:
    now = timezone.now()
    for player in prepare_paths():
        restrict(player, "SELF_EXCLUDED", ends_at=now - timedelta(hours=2))
        restrict(player, "BLOCKED", starts_at=now + timedelta(days=1))
        restrict(player, "MARKETING_OPT_OUT")

    assert walk_all() == said_by_the_matrix("MARKETING_OPT_OUT")
    reconcile()


def exclude(*player_ids: str) -> None:
    word = Word(source="the player", reason="Asked by telephone", by=None)
    for player_id in player_ids:
        restrict_player(player_id=player_id, kind="SELF_EXCLUDED", word=word)


@pytest.mark.django_db(transaction=True)
def test_no_path_leads_past_an_exclusion_that_comes_while_it_is_gone() -> None:
    prepare_paths()
    by_night = [name for name, path in PATHS.items() if path.act is None]
    before = {name: holdings(name) for name in PATHS}

    failed = [
        while_held_open(partial(exclude, name), partial(walk, path, name))
        for name, path in PATHS.items()
        if name not in by_night
    ]
    failed.append(while_held_open(partial(exclude, *sorted(by_night)), run_night))

    found = {name: outcome(name, before=before[name]) for name in PATHS}
    # What an open bet comes to of a cancelled bonus is real money, which is the platform's to pay.
    said = said_by_the_matrix("SELF_EXCLUDED") | {"bet-won": "REFUSE", "bet-void": "REFUSE"}
    assert [one for one in failed if one != [None]] == []
    assert found == said
    assert Bet.objects.get(bet_id="bet-won").real_payout == 20
    reconcile()

"""Every way a player may come to something: the one list that the walk of restrictions goes by.

A path is prepared before its player is restricted and taken after; each has a player of its own, who bears its name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from psycopg.types.json import Jsonb

from core.errors import LoyaltyError
from core.expressions import fetch_rows
from loyalty.actions import handle_action
from loyalty.pipeline import open_night, process_players, work_on_night
from loyalty.tests import cast
from loyalty.tests.api import ApiUser
from players.importing import import_players
from players.models import Player, PlayerMetrics
from players.tests.factories import ON, make_day
from rewards.live import apply_reward
from rewards.models import PerkTask, RedemptionOption, RedemptionOrder, RewardRule
from rewards.perks import approve_perk, complete_perk
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.fulfilment import fulfil_order
from rewards.redemption.ordering import order_redemption
from rewards.reviewing.deciding import decide_review
from rewards.reviewing.rings import decide_ring
from rewards.tests.factories import make_rule
from safety.grants import credit_bonus, credit_points
from safety.models import AbuseSignal, ReviewCase
from safety.review.rings import claim_ring
from safety.review.working import claim_case
from wallet.bets import place_bet, settle_bet, void_bet
from wallet.bonus_life import claim_bonus, release_pending_credits
from wallet.bonuses import add_bonus_balance
from wallet.corrections import adjust_balance, reverse_operation
from wallet.ledger import post
from wallet.models import Bet, Lot, Operation
from wallet.play import flush_points
from wallet.points import add_loyalty_points, add_reward_points, add_tickets, deduct_balance
from wallet.postings import Posting, credit_posting

Act = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditPath:
    """One way: what it is for in the matrix, what must be there before, and how it is gone.

    `act` None: the night goes it.
    """

    purpose: str
    act: Act | None
    prepare: Act = str


def now() -> Any:
    return timezone.now()


def key() -> str:
    return str(uuid4())


def api(player_id: str, path: str, *, role: str = "integrator", **body: Any) -> None:
    user = ApiUser(User.objects.get(username=role))
    status, answer = user.post(f"/api/{path}", {"player_id": player_id, **body} if body else {}, Idempotency_Key=key())
    assert status in {200, 201, 409}, answer


def rule(player_id: str, **content: Any) -> RewardRule:
    """Make a rule for this path's player alone."""
    conditions = {"country": player_id, **content.pop("conditions", {})}
    return make_rule(player_id.upper(), conditions=conditions, **content)


def night_rule(**reward: Any) -> CreditPath:
    def prepare(player_id: str) -> None:
        rule(player_id, reward=reward)

    return CreditPath(purpose="PROMOTION", act=None, prepare=prepare)


def apply_rule(player_id: str) -> None:
    apply_reward(player_id=player_id, rule=RewardRule.objects.get(pk=player_id.upper()), on=ON)


def prepare_batch_rule(player_id: str) -> None:
    rule(player_id)


def act_on_action(player_id: str) -> None:
    handle_action(player_id=player_id, action="FIRST_BET", event_id=player_id)


def live_rule(player_id: str) -> None:
    rule(player_id, is_live=True, trigger="FIRST_BET")


def welcome_rule(player_id: str) -> None:
    earn(player_id, 1500)
    rule(player_id, is_live=True, trigger="TIER_REACHED", conditions={"tier": "SILVER"})


def perk_task(player_id: str) -> None:
    perk = rule(player_id, reward={"type": "VIP_PERKS", "amount": 1, "perk": "Dinner"})
    apply_rule(player_id)
    RewardRule.objects.filter(pk=perk.pk).update(status="PAUSED")


def hand_over_perk(player_id: str) -> None:
    task = PerkTask.objects.get(player_id=player_id)
    approve_perk(task_id=task.pk, actor="ann")
    complete_perk(task_id=task.pk, actor="ben", note="Voucher")


def earn(player_id: str, amount: int = 100, currency: str = "LP") -> None:
    give = {"LP": add_loyalty_points, "RP": add_reward_points, "TICKETS": add_tickets}[currency]
    give(player_id=player_id, amount=amount, source="x", key=key(), actor="tests")


def give_bonus(player_id: str, **terms: Any) -> None:
    add_bonus_balance(
        player_id=player_id, amount=20, wagering_requirement=Decimal(10), expiry=None, key=key(), actor="tests", **terms
    )


def claimable(player_id: str) -> None:
    give_bonus(player_id, claim_within=timedelta(hours=24))


def claim(player_id: str) -> None:
    claim_bonus(player_id=player_id, bonus_id=Lot.objects.get(player_id=player_id).pk, actor="tests")


def api_claim(player_id: str) -> None:
    api(player_id, f"players/{player_id}/bonuses/{Lot.objects.get(player_id=player_id).pk}/claim")


def awaiting_action(player_id: str) -> None:
    give_bonus(player_id, awaits="FIRST_DEPOSIT")


def release(player_id: str) -> None:
    release_pending_credits(player_id=player_id, action="FIRST_DEPOSIT", at=now())


def due_by_night(player_id: str) -> None:
    give_bonus(player_id, available_at=now() + timedelta(hours=1))
    Lot.objects.filter(player_id=player_id).update(available_at=now() - timedelta(hours=1))


def day_of_play(player_id: str) -> None:
    make_day(Player.objects.get(pk=player_id), wagered="100.00", lp_due=Decimal(7))


def opening(player_id: str) -> None:
    PlayerMetrics.objects.filter(player_id=player_id).update(opening_lp=9)


def flush(player_id: str) -> None:
    flush_points(player_id=player_id, at=now())


def report(kind: str, **event: Any) -> Act:
    """Report an event of the player to the feed."""

    def act(player_id: str) -> None:
        named = {"kind": kind, "external_id": f"{player_id}-{kind}", "player_id": player_id, **event}
        body = {"source": "platform", "events": [{"occurred_at": now().isoformat(), **named}]}
        status, answer = ApiUser(User.objects.get(username="integrator")).post("/api/activity", body)
        assert status == 201, answer

    return act


def counted_by_the_feed(player_id: str) -> None:
    Player.objects.filter(pk=player_id).update(source="FEED")


def report_play(player_id: str) -> None:
    report("WAGER", amount="100.00", bet_id=player_id, game_category="slots")(player_id)
    flush(player_id)


def waiting_reward(player_id: str) -> None:
    """Have a reward wait for a review, of which two signs of abuse are the cause."""
    PlayerMetrics.objects.filter(player_id=player_id).update(bonus_abuse_score=100)
    for _ in range(2):
        AbuseSignal.objects.create(player_id=player_id, signal_type="SHARED_DEVICE", severity=10)
    rule(player_id)
    apply_rule(player_id)


def dismiss_case(player_id: str) -> None:
    reviewer = User.objects.get(username="risk")
    case = ReviewCase.objects.get(player_id=player_id)
    claim_case(case_id=case.pk, by=reviewer)
    decide_review(case_id=case.pk, outcome="DISMISSED", reason="A family", by=reviewer)


def dismiss_ring(player_id: str) -> None:
    """Dismiss the player's case as one of a ring's."""
    reviewer = User.objects.get(username="risk")
    case = ReviewCase.objects.get(player_id=player_id)
    ReviewCase.objects.filter(pk=case.pk).update(ring_number=case.pk)
    claim_ring(ring_number=case.pk, by=reviewer)
    decide_ring(ring_number=case.pk, outcomes={case.pk: "DISMISSED"}, reason="A family", by=reviewer)


def import_points(player_id: str) -> None:
    """Carry points over from a file, and post what it leaves due."""
    with NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(f"player_id,total_deposited,total_wagered,total_won,opening_lp\n{player_id},10,10,5,30\n")
        file.flush()
        import_players(file.name)
    flush(player_id)


def not_measured(player_id: str) -> None:
    PlayerMetrics.objects.filter(player_id=player_id).delete()


def option(code: str, **content: Any) -> None:
    if not RedemptionOption.objects.filter(code=code).exists():
        cast.make_option(code, **content)


def points_and_options(player_id: str) -> None:
    earn(player_id)
    option("BONUS_10")
    if not RedemptionOption.objects.filter(code="DINNER").exists():
        cast.make_tickets_option()
        cast.make_dinner_option()


def order(code: str) -> Act:
    return lambda player_id: order_redemption(player_id=player_id, option_code=code, key=key(), actor="tests")


def ordered_dinner(player_id: str) -> None:
    points_and_options(player_id)
    order("DINNER")(player_id)


def hand_over_dinner(player_id: str) -> None:
    fulfil_order(order_id=RedemptionOrder.objects.get(player_id=player_id).pk, note="Voucher", actor="tests")


def cancel_dinner(player_id: str) -> None:
    cancel_order(order_id=RedemptionOrder.objects.get(player_id=player_id).pk, reason="x", key=key(), actor="tests")


def open_bet(player_id: str) -> None:
    give_bonus(player_id)
    place_bet(bet_id=player_id, player_id=player_id, stake=10, real_available=0, category="slots", actor="tests")


def win(player_id: str) -> None:
    settle_bet(bet_id=Bet.objects.get(player_id=player_id).bet_id, payout=20, actor="tests")


def void(player_id: str) -> None:
    void_bet(bet_id=Bet.objects.get(player_id=player_id).bet_id, actor="tests")


def spent_points(player_id: str) -> None:
    points_and_options(player_id)
    deduct_balance(player_id=player_id, currency="LP", amount=10, key=key(), actor="tests")


def reverse_spend(player_id: str) -> None:
    spent = Operation.objects.filter(player_id=player_id).latest("pk")
    reverse_operation(operation_id=spent.pk, reason="x", key=key(), actor="tests")


def post_as(purpose: str) -> Act:
    def act(player_id: str) -> None:
        posting = credit_posting(
            key=key(), kind="TEST", player_id=player_id, currency="LP", amount=Decimal(5), on=ON, purpose=purpose
        )
        post([posting], at=now() - timedelta(hours=1), actor="tests")

    return act


def post_as_a_debit_purpose(player_id: str) -> None:
    for purpose in ("SPEND", "BET", "EXPIRY", "ADJUSTMENT"):
        post_as(purpose)(player_id)


def post_set(player_id: str) -> None:
    postings = [
        Posting(
            operation_key=key(), operation_kind="TEST", account_key=player_id, purpose="PROMOTION",
            transaction_type="REWARD", currency_type=currency, amount=Decimal(5), lot_kind="MANUAL", granted_on=ON,
        )
        for currency in ("LP", "RP", "BONUS", "TICKETS")
    ]  # fmt: skip
    post(postings, at=now(), actor="tests")


def raw_sql(player_id: str) -> None:
    posting = {
        "operation_key": key(), "operation_kind": "X", "account_key": player_id, "purpose": "PROMOTION",
        "transaction_type": "REWARD", "currency_type": "LP", "amount": 5, "lot_kind": "MANUAL",
        "granted_on": "2025-12-21", "input_hash": "\\x00",
    }  # fmt: skip
    fetch_rows(
        "SELECT wallet_post(ARRAY[jsonb_populate_record(NULL::wallet_posting, %s)], now(), 'psql', NULL)",
        [Jsonb(posting)],
    )


def adjust_in_admin(player_id: str) -> None:
    client = Client()
    client.force_login(User.objects.get(username="finance"))
    balance_row = Player.objects.get(pk=player_id).balance.pk
    form = {"reason": "x", "key": key(), "currency": "LP", "amount": "5"}
    client.post(reverse("admin:wallet_loyaltybalance_adjust", args=[balance_row]), form)


def add(path: str, **body: Any) -> Act:
    return lambda player_id: api(player_id, path, amount="5", **body)


_BONUS: dict[str, Any] = {"amount": 5, "wagering_requirement": Decimal(1), "actor": "tests"}

PATHS: dict[str, CreditPath] = {
    "night-bonus": night_rule(type="BONUS_BALANCE"),
    "night-cashback": night_rule(type="CASHBACK", wagering_requirement=1, expiry_hours=48),
    "night-cash": night_rule(type="CASHBACK", withdrawable=True),
    "night-free-play": night_rule(type="FREE_PLAY"),
    "night-lp": night_rule(type="LOYALTY_POINTS"),
    "night-rp": night_rule(type="REWARD_POINTS"),
    "night-tickets": night_rule(type="TICKETS"),
    "night-perk": CreditPath(purpose="PROMOTION", act=hand_over_perk, prepare=perk_task),
    "night-welcome": CreditPath(purpose="PROMOTION", act=None, prepare=welcome_rule),
    "night-play": CreditPath(purpose="EARNED", act=None, prepare=day_of_play),
    "night-opening": CreditPath(purpose="OPENING", act=None, prepare=opening),
    "night-due": CreditPath(purpose="REDEMPTION", act=None, prepare=due_by_night),
    "flush-play": CreditPath(purpose="EARNED", act=flush, prepare=day_of_play),
    "flush-opening": CreditPath(purpose="OPENING", act=flush, prepare=opening),
    "apply-reward": CreditPath(purpose="PROMOTION", act=apply_rule, prepare=prepare_batch_rule),
    "process-players": CreditPath(
        purpose="PROMOTION",
        act=lambda player_id: process_players(player_ids=[player_id], on=ON),
        prepare=prepare_batch_rule,
    ),
    "api-batch": CreditPath(
        purpose="PROMOTION",
        act=lambda player_id: ApiUser(User.objects.get(username="operator")).post(
            "/api/batch/process", {"player_ids": [player_id]}
        ),
        prepare=prepare_batch_rule,
    ),
    "live-rule": CreditPath(purpose="PROMOTION", act=act_on_action, prepare=live_rule),
    "api-action": CreditPath(
        purpose="PROMOTION",
        act=lambda player_id: api(
            player_id, "actions", action="FIRST_BET", event_id=player_id, occurred_at=now().isoformat()
        ),
        prepare=live_rule,
    ),
    "feed-live": CreditPath(purpose="PROMOTION", act=report("ACTION", action="FIRST_BET"), prepare=live_rule),
    "feed-release": CreditPath(
        purpose="REDEMPTION", act=report("ACTION", action="FIRST_DEPOSIT"), prepare=awaiting_action
    ),
    "feed-play": CreditPath(purpose="EARNED", act=report_play, prepare=counted_by_the_feed),
    "review-released": CreditPath(purpose="PROMOTION", act=dismiss_case, prepare=waiting_reward),
    "ring-released": CreditPath(purpose="PROMOTION", act=dismiss_ring, prepare=waiting_reward),
    "service-lp": CreditPath(purpose="PROMOTION", act=earn),
    "service-rp": CreditPath(purpose="PROMOTION", act=lambda player_id: earn(player_id, currency="RP")),
    "service-tickets": CreditPath(purpose="PROMOTION", act=lambda player_id: earn(player_id, currency="TICKETS")),
    "service-bonus": CreditPath(purpose="PROMOTION", act=give_bonus),
    "capped-points": CreditPath(
        purpose="PROMOTION",
        act=lambda player_id: credit_points(player_id=player_id, amount=5, source="x", key=key(), actor="tests"),
    ),
    "capped-bonus": CreditPath(
        purpose="PROMOTION",
        act=lambda player_id: credit_bonus(player_id=player_id, key=key(), expiry=None, **_BONUS),
    ),
    "api-lp": CreditPath(purpose="PROMOTION", act=add("wallet/add-lp", source="x")),
    "api-rp": CreditPath(purpose="PROMOTION", act=add("wallet/add-rp", source="x")),
    "api-tickets": CreditPath(purpose="PROMOTION", act=add("wallet/add-tickets", source="x")),
    "api-bonus": CreditPath(
        purpose="PROMOTION", act=add("wallet/add-bonus", wagering_requirement="1", expiry_hours=48)
    ),
    "claim": CreditPath(purpose="REDEMPTION", act=claim, prepare=claimable),
    "api-claim": CreditPath(purpose="REDEMPTION", act=api_claim, prepare=claimable),
    "release": CreditPath(purpose="REDEMPTION", act=release, prepare=awaiting_action),
    "api-release": CreditPath(
        purpose="REDEMPTION",
        act=lambda player_id: api(
            player_id, "actions", action="FIRST_DEPOSIT", event_id=player_id, occurred_at=now().isoformat()
        ),
        prepare=awaiting_action,
    ),
    "redeem-bonus": CreditPath(purpose="REDEMPTION", act=order("BONUS_10"), prepare=points_and_options),
    "redeem-tickets": CreditPath(purpose="REDEMPTION", act=order("TICKETS_3"), prepare=points_and_options),
    "redeem-benefit": CreditPath(purpose="REDEMPTION", act=hand_over_dinner, prepare=ordered_dinner),
    "api-redeem": CreditPath(
        purpose="REDEMPTION",
        act=lambda player_id: api(player_id, "redemption/orders", option_code="BONUS_10"),
        prepare=points_and_options,
    ),
    "import": CreditPath(purpose="OPENING", act=import_points, prepare=not_measured),
    "adjust": CreditPath(
        purpose="ADDITION",
        act=lambda player_id: adjust_balance(
            player_id=player_id, currency="LP", amount=5, reason="x", key=key(), actor="tests"
        ),
    ),
    "admin-adjust": CreditPath(purpose="ADDITION", act=adjust_in_admin, prepare=earn),
    "api-adjust": CreditPath(
        purpose="ADDITION",
        act=lambda player_id: api(player_id, "wallet/adjust", role="finance", currency="LP", amount="5", reason="x"),
        prepare=earn,
    ),
    "core-one": CreditPath(purpose="PROMOTION", act=post_as("PROMOTION")),
    "core-set": CreditPath(purpose="PROMOTION", act=post_set),
    "core-debit-purposes": CreditPath(purpose="ADDITION", act=post_as_a_debit_purpose),
    "core-sql": CreditPath(purpose="PROMOTION", act=raw_sql),
    "bet-won": CreditPath(purpose="SETTLEMENT", act=win, prepare=open_bet),
    "bet-void": CreditPath(purpose="REFUND", act=void, prepare=open_bet),
    "order-cancelled": CreditPath(purpose="REFUND", act=cancel_dinner, prepare=ordered_dinner),
    "spend-reversed": CreditPath(purpose="REVERSAL", act=reverse_spend, prepare=spent_points),
}


def walk(path: CreditPath, player_id: str) -> None:
    """Go the path; a refusal is an answer."""
    if path.act is not None:
        with suppress(LoyaltyError):
            path.act(player_id)


def run_night() -> None:
    work_on_night(open_night(business_date=ON))

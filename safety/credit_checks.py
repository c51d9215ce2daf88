"""What safety has to say of a credit by hand: abuse and profitability as staff ask for it, caps, and jurisdiction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from core.errors import NotFoundError, RefusedError
from players.models import CreditPurpose, PlayerMetrics
from safety import policies
from safety.caps import check_reward_caps
from safety.costs import CURRENCIES
from safety.expected_value import Reward, calculate_expected_value
from safety.jurisdictions.granting import refused_grant
from safety.jurisdictions.violations import Incentive
from safety.models import ViolationPath
from safety.pools import Pool, pool_room
from safety.violations import record_violation
from wallet.jurisdictions import keep_jurisdiction_refusal
from wallet.ledger import JurisdictionLimitError
from wallet.restrictions import refusing_restriction


class CapExceededError(RefusedError):
    """Raised when a credit is worth more than the caps leave; `details` carries both figures."""

    code = "cap_exceeded"


class AbusiveCreditError(RefusedError):
    """Raised when the player's abuse score asks for a person to look first, where credits by hand must wait for it."""

    code = "abuse_review"


class UnprofitableCreditError(RefusedError):
    """Raised when a credit would cost more than is expected from the player, where credits by hand must not."""

    code = "unprofitable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A credit by hand under judgement: to whom, what it is worth, as what jurisdictions see it, who asks and how."""

    player_id: str
    key: str
    value: Decimal
    reward: Reward
    incentive: Incentive
    actor: str
    path: ViolationPath
    on: date


def refusal_of(asked: Credit, *, pools: Iterable[Pool]) -> RefusedError | None:
    """Return the first thing in safety that refuses a credit, kept as evidence; None where nothing does.

    What staff only want to be warned of is listed once nothing refuses. A restriction goes before all of it: the
    posting core refuses, and keeps that.
    """
    if refusing_restriction(player_id=asked.player_id, purpose=CreditPurpose.PROMOTION, at=timezone.now()):
        return None
    doubts = _doubts(asked)
    refused = [doubt for how, doubt in doubts if how == "ENFORCE"]
    limits = (_beyond_cap(asked), *(_beyond_pool(asked, pool) for pool in pools))
    found = next((refusal for refusal in (*refused, *limits) if refusal is not None), None)
    if found is not None:
        _record(asked, found)
        return found
    if (against := _against_jurisdiction(asked)) is not None:
        return against
    for _, doubt in doubts:
        _record(asked, doubt, is_refused=False)
    return None


def beyond_limits(asked: Credit, *, pools: Iterable[Pool]) -> RefusedError | None:
    """Return the cap, of the player or shared, that a credit would break, kept as evidence; None where none."""
    limits = (_beyond_cap(asked), *(_beyond_pool(asked, pool) for pool in pools))
    found = next((refusal for refusal in limits if refusal is not None), None)
    if found is not None:
        _record(asked, found)
    return found


def _doubts(asked: Credit) -> list[tuple[str, RefusedError]]:
    """Return what speaks against a credit that is asked only as staff want it, each with how they want it."""
    checks = ((policies.MANUAL_CREDITS_ABUSE, _abusive), (policies.MANUAL_CREDITS_PROFITABILITY, _beyond_margin))
    wanted = [(policy.value(), check) for policy, check in checks]
    found = [(how, check(asked)) for how, check in wanted if how != "OFF"]
    return [(how, doubt) for how, doubt in found if doubt is not None]


def _abusive(asked: Credit) -> AbusiveCreditError | None:
    """Ask whether the score is one that rules give nothing for; lower bands cut what rules compute, not staff."""
    metrics = PlayerMetrics.objects.filter(player_id=asked.player_id).values_list("bonus_abuse_score", flat=True)
    score, limit = metrics.first() or 0, policies.ABUSE_REVIEW_FROM.value()
    if score < limit:
        return None
    return AbusiveCreditError(
        f"player {asked.player_id} has an abuse score of {score}: from {limit} on a person must look first",
        player_id=asked.player_id,
        abuse_score=score,
        review_from=limit,
    )


def _beyond_margin(asked: Credit) -> UnprofitableCreditError | None:
    """Ask whether it is profitable; of a player without measures nothing is known, so it is not."""
    try:
        found = calculate_expected_value(player_id=asked.player_id, reward=asked.reward, on=asked.on)
    except NotFoundError:
        return UnprofitableCreditError(
            f"player {asked.player_id}: no play is known from which a margin could be expected",
            missing="the player's measures",
        )
    if found.is_profitable:
        return None
    figures = {
        "expected_cost": str(found.expected_cost),
        "granted_before": str(found.granted_cost),
        "expected_margin": "" if found.expected_margin is None else str(found.expected_margin),
        "missing": found.cost_unknown or found.margin_unknown,
    }
    if figures["missing"]:
        says = f"cost and margin cannot be told without {figures['missing']}"
    else:
        says = (
            f"a cost of {found.expected_cost} with {found.granted_cost} granted before is not below the expected "
            f"margin of {found.expected_margin}"
        )
    return UnprofitableCreditError(f"player {asked.player_id}: {says}", **figures)


def _beyond_cap(asked: Credit) -> CapExceededError | None:
    room = check_reward_caps(player_id=asked.player_id, on=asked.on)
    if asked.value <= room:
        return None
    return CapExceededError(
        f"player {asked.player_id} may be granted {room} more on {asked.on}, {asked.value} was asked for",
        player_id=asked.player_id,
        room=str(room),
        value=str(asked.value),
    )


def _beyond_pool(asked: Credit, pool: Pool) -> CapExceededError | None:
    room = pool_room(pool, on=asked.on)
    if asked.value <= room.left:
        return None
    return CapExceededError(
        f"{pool.name} together may be granted {room.left} more of {room.limit} per {room.window} on {asked.on}, "
        f"{asked.value} was asked for",
        player_id=asked.player_id,
        pool=pool.name,
        window=room.window,
        limit=str(room.limit),
        room=str(room.left),
        value=str(asked.value),
    )


_CODES: dict[type[RefusedError], str] = {
    AbusiveCreditError: "ABUSE_REVIEW",
    CapExceededError: "CAP",
    UnprofitableCreditError: "UNPROFITABLE",
}


def _record(asked: Credit, found: RefusedError, *, is_refused: bool = True) -> None:
    record_violation(
        player_id=asked.player_id,
        code="POOL_CAP" if "pool" in found.details else _CODES[type(found)],
        path=asked.path,
        on=asked.on,
        figures=found.details,
        amount=asked.reward.amount,
        operation_key=asked.key,
        actor=asked.actor,
        is_refused=is_refused,
    )


def _against_jurisdiction(asked: Credit) -> JurisdictionLimitError | None:
    """Return what the player's jurisdiction has against the credit, kept as evidence."""
    found = refused_grant(asked.incentive, player_id=asked.player_id, value=asked.value, on=asked.on)
    if found is None:
        return None
    return keep_jurisdiction_refusal(
        player_id=asked.player_id,
        key=asked.key,
        currency=CURRENCIES[asked.incentive.reward_type],
        amount=asked.reward.amount,
        says=found.says,
        details={**found.details, "money_value": str(asked.value)},
        actor=asked.actor,
        at=timezone.now(),
    )

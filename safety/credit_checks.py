"""What safety has to say of a credit by hand: profitability where staff ask it, caps, and the player's jurisdiction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone

from core.errors import RefusedError
from players.models import CreditPurpose
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

    A restriction goes before all of it: the posting core refuses, and keeps that.
    """
    if refusing_restriction(player_id=asked.player_id, purpose=CreditPurpose.PROMOTION, at=timezone.now()):
        return None
    refusals = (_beyond_margin(asked), _beyond_cap(asked), *(_beyond_pool(asked, pool) for pool in pools))
    found = next((refusal for refusal in refusals if refusal is not None), None)
    if found is None:
        return _against_jurisdiction(asked)
    _record(asked, code=_CODES[type(found)] if "pool" not in found.details else "POOL_CAP", figures=found.details)
    return found


def _beyond_margin(asked: Credit) -> UnprofitableCreditError | None:
    """Ask whether it is profitable, where credits by hand are asked; where staff only want to know, list it."""
    asking = policies.MANUAL_CREDITS_PROFITABILITY.value()
    if asking == "OFF":
        return None
    found = calculate_expected_value(player_id=asked.player_id, reward=asked.reward, on=asked.on)
    if found.is_profitable:
        return None
    figures = {
        "expected_cost": str(found.expected_cost),
        "granted_before": str(found.granted_cost),
        "expected_margin": str(found.expected_margin),
        "missing": found.cost_unknown or found.margin_unknown,
    }
    if asking == "WARN":
        _record(asked, code="UNPROFITABLE", figures=figures, is_refused=False)
        return None
    return UnprofitableCreditError(
        f"player {asked.player_id}: a cost of {found.expected_cost} with {found.granted_cost} granted before "
        f"is not below the expected margin of {found.expected_margin}",
        **figures,
    )


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


_CODES: dict[type[RefusedError], str] = {CapExceededError: "CAP", UnprofitableCreditError: "UNPROFITABLE"}


def _record(asked: Credit, *, code: str, figures: Mapping[str, Any], is_refused: bool = True) -> None:
    record_violation(
        player_id=asked.player_id,
        code=code,
        path=asked.path,
        on=asked.on,
        figures=figures,
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

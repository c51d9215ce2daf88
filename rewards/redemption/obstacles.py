"""What stands between a player and an option: one definition for the catalogue and for the order itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from core.errors import NotFoundError, RefusedError
from core.money import ZERO
from players.jurisdictions import jurisdiction_of
from players.models import CreditPurpose, LimitKind, Player
from players.tiers import current_tiers
from rewards.models import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.models.redemption import COST_CURRENCIES
from safety.caps import check_reward_caps
from safety.credit_checks import CapExceededError
from safety.jurisdictions.granting import has_harm
from safety.jurisdictions.profiles import Profile, profile_of
from safety.jurisdictions.violations import Incentive, known_games, least_turnover, violations
from safety.pools import tightest_pool_room
from wallet.ledger import InsufficientBalanceError, JurisdictionLimitError, PlayerRestrictedError
from wallet.models import BonusStatus, Lot
from wallet.restrictions import refusing_restriction


class OptionInactiveError(RefusedError):
    """Raised when staff have taken the option out of the catalogue."""

    code = "option_inactive"


class OptionNotOnSaleError(RefusedError):
    """Raised before an option's first moment and from its last one on; `details` carries the times."""

    code = "option_not_on_sale"


class TierTooLowError(RefusedError):
    """Raised when the option is for higher tiers than the player's; `details` carries both."""

    code = "tier_too_low"


class OrderLimitReachedError(RefusedError):
    """Raised when the player has as many orders of the option as one player may have."""

    code = "order_limit_reached"


class OutOfStockError(RefusedError):
    """Raised when every piece of the option is ordered; `details` carries the stock."""

    code = "out_of_stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an option may ask about a player: `tiers` from the lowest up, `ordered` by option, points by currency."""

    player_id: str
    tier: str
    tiers: Sequence[str]
    ordered: Mapping[int, int]
    spendable: Mapping[str, Decimal]
    restriction: str | None
    profile: Profile


def standing_of(player_id: str, *, at: datetime) -> Standing:
    """Return where a player stands. Raises NotFoundError."""
    player = Player.objects.filter(pk=player_id).only("tier").first()
    if player is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    orders = RedemptionOrder.objects.filter(player_id=player_id).exclude(status=RedemptionStatus.CANCELLED)
    return Standing(
        player_id=player_id,
        tier=player.tier,
        tiers=[tier.tier_level for tier in current_tiers()],
        ordered=dict(orders.order_by().values_list("option_id").annotate(Count("pk"))),
        spendable=_spendable(player_id, at=at),
        restriction=refusing_restriction(player_id=player_id, purpose=CreditPurpose.REDEMPTION, at=at),
        profile=profile_of(jurisdiction_of(player_id)),
    )


def _spendable(player_id: str, *, at: datetime) -> dict[str, Decimal]:
    """Sum up what an order could take; what has become due since the last posting counts."""
    is_due = Q(status=BonusStatus.PENDING, awaits__isnull=True, available_at__lte=at)
    lots = Lot.objects.filter(
        Q(status=BonusStatus.ACTIVE) | is_due,
        Q(expires_at__isnull=True) | Q(expires_at__gt=at),
        player_id=player_id,
        currency_type__in=[currency for currency, _ in COST_CURRENCIES],
        remaining__gt=0,
    )
    return dict(lots.order_by().values_list("currency_type").annotate(Sum("remaining")))


def obstacles(option: RedemptionOption, standing: Standing, *, at: datetime) -> Iterator[RefusedError]:
    """Yield every reason of the catalogue why the player cannot order the option now."""
    yield from _obstacles_of_sale(option, at=at)
    yield from _obstacles_of_player(option, standing)
    yield from _obstacles_of_jurisdiction(option, standing, on=timezone.localdate(at))
    if option.stock is not None and option.ordered >= option.stock:
        yield OutOfStockError(
            f"{option.code} is out of stock: all {option.stock} are ordered",
            option_code=option.code,
            stock=option.stock,
            ordered=option.ordered,
        )


def obstacles_of_payment(option: RedemptionOption, standing: Standing) -> Iterator[RefusedError]:
    """Yield what the posting core would refuse; an order leaves this to the core, which keeps evidence."""
    if standing.restriction:
        yield PlayerRestrictedError(
            f"player {standing.player_id} is restricted ({standing.restriction}): nothing can be redeemed",
            player_id=standing.player_id,
            restriction=standing.restriction,
        )
    available = standing.spendable.get(option.cost_currency, ZERO)
    if available < option.cost:
        yield InsufficientBalanceError(
            f"player {standing.player_id} can spend {available} {option.cost_currency}, {option.cost} is needed",
            player_id=standing.player_id,
            currency=option.cost_currency,
            available=str(available),
            needed=str(option.cost),
        )


def cap_room(player_id: str, *, on: date) -> Decimal:
    """Return the money value that caps, shared ones too, leave of grants to a player."""
    pool = tightest_pool_room(player_id=player_id, on=on)
    room = check_reward_caps(player_id=player_id, on=on)
    return room if pool is None else min(room, pool.left)


def obstacles_of_caps(option: RedemptionOption, *, surplus: Decimal, room: Decimal | None) -> Iterator[RefusedError]:
    """Yield that a cap leaves less than the option gives beyond the worth of its points."""
    if room is not None and surplus > room:
        yield CapExceededError(
            f"{option.code} gives {surplus} more than its points are worth, and caps leave {room}",
            option_code=option.code,
            room=str(room),
            value=str(surplus),
        )


def _obstacles_of_sale(option: RedemptionOption, *, at: datetime) -> Iterator[RefusedError]:
    if not option.is_active:
        yield OptionInactiveError(f"{option.code} is not in the catalogue at present", option_code=option.code)
    if option.valid_from and at < option.valid_from:
        yield OptionNotOnSaleError(
            f"{option.code} can be ordered from {option.valid_from.isoformat()} on",
            option_code=option.code,
            valid_from=option.valid_from.isoformat(),
            at=at.isoformat(),
        )
    if option.valid_until and at >= option.valid_until:
        yield OptionNotOnSaleError(
            f"{option.code} could be ordered until {option.valid_until.isoformat()}",
            option_code=option.code,
            valid_until=option.valid_until.isoformat(),
            at=at.isoformat(),
        )


def _obstacles_of_player(option: RedemptionOption, standing: Standing) -> Iterator[RefusedError]:
    if option.minimum_tier_id and not _reaches(option.minimum_tier_id, standing):
        yield TierTooLowError(
            f"{option.code} is for {option.minimum_tier_id} and higher, player {standing.player_id} is {standing.tier}",
            option_code=option.code,
            minimum_tier=option.minimum_tier_id,
            tier=standing.tier,
        )
    ordered = standing.ordered.get(option.pk, 0)
    if option.limit_per_player is not None and ordered >= option.limit_per_player:
        yield OrderLimitReachedError(
            f"player {standing.player_id} has {ordered} of {option.code} already: one player may have "
            f"{option.limit_per_player}",
            option_code=option.code,
            limit_per_player=option.limit_per_player,
            ordered=ordered,
        )


def _obstacles_of_jurisdiction(
    option: RedemptionOption, standing: Standing, *, on: date
) -> Iterator[JurisdictionLimitError]:
    """Yield what the player's jurisdiction has against what the option gives; a bonus that points buy is a bonus."""
    if not standing.profile.limits:
        return
    is_bonus_money = option.gives == RedemptionGives.BONUS
    eligible, games = option.eligible_games, known_games()
    required = option.wagering_requirement if is_bonus_money else ZERO
    incentive = Incentive(
        reward_type=_REWARD_TYPES[RedemptionGives(option.gives)],
        is_bonus_money=is_bonus_money,
        turnover_multiple=least_turnover(required, eligible_games=eligible or None, games=games),
        amount_max=option.amount,
        eligible_games=tuple(eligible) if eligible else None,
        expiry_hours=option.expiry_hours,
    )
    for broken in violations(incentive, profile=standing.profile, on=on, games=games):
        yield JurisdictionLimitError(
            f"{option.code} cannot go to player {standing.player_id}: {broken}",
            option_code=option.code,
            **broken.as_reason(),
        )
    harm = standing.profile.limit(LimitKind.HARM_BLOCKS_PROMOTION, on=on)
    # A restriction that refuses has its own word; this is for a matrix that forgot it.
    if harm and standing.restriction is None and has_harm(standing.player_id):
        yield JurisdictionLimitError(
            f"{option.code} cannot go to player {standing.player_id}: strong indicators of harm are recorded "
            f"({harm.clause})",
            option_code=option.code,
            jurisdiction=standing.profile.code,
            version=standing.profile.version,
            limit=harm.kind.value,
            clause=harm.clause,
        )


# A benefit is no type that rewards have: only a ban of everything stands against it.
_REWARD_TYPES = {
    RedemptionGives.BONUS: "BONUS_BALANCE",
    RedemptionGives.TICKETS: "TICKETS",
    RedemptionGives.BENEFIT: "BENEFIT",
}


def _reaches(minimum: str, standing: Standing) -> bool:
    """Compare by rank; a tier that no row knows reaches nothing."""
    ranks = {level: rank for rank, level in enumerate(standing.tiers)}
    return ranks.get(standing.tier, -1) >= ranks[minimum]

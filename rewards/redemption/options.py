"""Options of the catalogue: checked as a whole, written by staff."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from core.money import AMOUNT_MAX, CENT
from players.models import GameCategory
from rewards.models import RedemptionGives, RedemptionOption
from rewards.problems import DefinitionInvalidError, Problem, nearest
from wallet.bonuses import EXPIRY_HOURS_MAX, WAGERING_MULTIPLE_MAX

CONTENT_FIELDS = (
    "name",
    "description",
    "is_active",
    "cost_currency",
    "cost",
    "gives",
    "amount",
    "expiry_hours",
    "wagering_requirement",
    "max_bet",
    "max_conversion",
    "eligible_games",
    "stock",
    "valid_from",
    "valid_until",
    "limit_per_player",
    "minimum_tier",
)


class OptionInvalidError(DefinitionInvalidError):
    """Raised when an option of the catalogue cannot be saved."""

    code = "option_invalid"


def save_option(option: RedemptionOption) -> RedemptionOption:
    """Write an option; orders keep what they paid and got. Raises OptionInvalidError with all that is wrong.

    The option's row is locked first, so that the stock is compared with what is ordered now.
    """
    with transaction.atomic():
        if option.pk:
            stored = RedemptionOption.objects.select_for_update().get(pk=option.pk)
            option.code, option.ordered = stored.code, stored.ordered
        check_option(option)
        if option.pk:
            option.updated_at = timezone.now()
            option.save(update_fields=[*CONTENT_FIELDS, "updated_at"])
        else:
            option.save()
    return option


def check_option(option: RedemptionOption) -> None:
    """Raise OptionInvalidError with every reason why the option cannot be saved, each with what would be right."""
    problems = [*_problems_of_gift(option), *_problems_of_terms(option), *_problems_of_limits(option)]
    if problems:
        raise OptionInvalidError(problems)


def _problems_of_gift(option: RedemptionOption) -> Iterator[Problem]:
    yield from _problems_of_amount("cost", option.cost)
    if option.gives == RedemptionGives.BENEFIT:
        if option.amount is not None:
            yield Problem("amount", f"{option.amount} is given, but a benefit has no amount: leave it empty")
    elif option.amount is None:
        needed = "whole tickets are" if option.gives == RedemptionGives.TICKETS else "an amount such as 10.00 is"
        yield Problem("amount", f"{needed} needed: what one order gives")
    else:
        yield from _problems_of_amount("amount", option.amount)
        if option.gives == RedemptionGives.TICKETS and option.amount != option.amount.to_integral_value():
            yield Problem("amount", f"{option.amount} is not whole: tickets cannot be parted")


def _problems_of_amount(name: str, amount: Decimal | None) -> Iterator[Problem]:
    if amount is None:
        return
    if not (amount.is_finite() and 0 < amount <= AMOUNT_MAX and amount == amount.quantize(CENT)):
        yield Problem(name, f"{amount} cannot be: more than zero with at most two decimals is needed")


def _problems_of_terms(option: RedemptionOption) -> Iterator[Problem]:
    if option.gives != RedemptionGives.BONUS:
        yield from _problems_of_foreign_terms(option)
        return
    if not 0 <= option.wagering_requirement <= WAGERING_MULTIPLE_MAX:
        yield Problem(
            "wagering_requirement",
            f"{option.wagering_requirement} cannot be: a multiple of 0 to {WAGERING_MULTIPLE_MAX} is needed",
        )
    yield from _problems_of_expiry(option)
    yield from _problems_of_amount("max_bet", option.max_bet)
    yield from _problems_of_amount("max_conversion", option.max_conversion)
    yield from _problems_of_games(option.eligible_games)


def _problems_of_foreign_terms(option: RedemptionOption) -> Iterator[Problem]:
    """Refuse terms that nothing would obey."""
    is_benefit = option.gives == RedemptionGives.BENEFIT
    names = ("wagering_requirement", "max_bet", "max_conversion", "eligible_games")
    for name in (*names, "expiry_hours") if is_benefit else names:
        if getattr(option, name):
            kind = "a benefit" if is_benefit else "tickets"
            yield Problem(name, f"{getattr(option, name)} is given, but {kind} cannot obey it: leave it empty")
    if not is_benefit:
        yield from _problems_of_expiry(option)


def _problems_of_expiry(option: RedemptionOption) -> Iterator[Problem]:
    if option.expiry_hours is not None and not 1 <= option.expiry_hours <= EXPIRY_HOURS_MAX:
        yield Problem("expiry_hours", f"{option.expiry_hours} cannot be: 1 to {EXPIRY_HOURS_MAX} hours are needed")


def _problems_of_games(games: object) -> Iterator[Problem]:
    if games is None:
        return
    known = sorted(GameCategory.objects.values_list("code", flat=True))
    needed = f"a list of some of {', '.join(known)} is needed, or nothing for all games"
    if not isinstance(games, list) or not games:
        yield Problem("eligible_games", needed)
        return
    for game in games:
        if game not in known:
            yield Problem(
                "eligible_games", f"{str(game)[:40]!r} is no game category: {needed}", nearest(str(game), known)
            )


def _problems_of_limits(option: RedemptionOption) -> Iterator[Problem]:
    if option.stock is not None and option.stock < option.ordered:
        yield Problem("stock", f"{option.stock} is less than the {option.ordered} ordered already")
    if option.valid_from and option.valid_until and option.valid_until <= option.valid_from:
        yield Problem(
            "valid_until",
            f"{option.valid_until:%Y-%m-%d %H:%M} is not after valid_from {option.valid_from:%Y-%m-%d %H:%M}",
        )
    if option.limit_per_player == 0:
        yield Problem("limit_per_player", "0 would let nobody order: 1 or more is needed, or nothing for no limit")

"""Change what profit safety assumes: a new version with a date, a name and a reason; old ones stay readable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from players.models import GameCategory, PlayerSegment
from safety.assumption_versions import Assumption, lock_assumptions, take_up_assumptions
from safety.earn_rates import check_game_category, check_unit_value
from safety.models import AssumptionKind, AssumptionVersion, RewardFamily
from wallet.models import CurrencyType

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500
MULTIPLIER_MAX = Decimal("999.99")
_PLACES = {
    AssumptionKind.HOUSE_EDGE: Decimal("0.000001"),
    AssumptionKind.UNIT_VALUE: Decimal("0.000001"),
    AssumptionKind.RETENTION: Decimal("0.01"),
}
_MAXIMA = {
    AssumptionKind.HOUSE_EDGE: Decimal(1),
    AssumptionKind.UNIT_VALUE: Decimal("999999.999999"),
    AssumptionKind.RETENTION: MULTIPLIER_MAX,
}


def change_assumption(
    assumption: Assumption,
    *,
    value: Decimal,
    reason: str,
    made_by: User | None,
    valid_from: date | None = None,
    today: date | None = None,
) -> AssumptionVersion:
    """Add a version that holds from a business date on, today where none is given; return it.

    One of today is in force at once, a later one from the first night or look at it on its date. Raises
    InvalidInputError for a value, reason or date that cannot be, NotFoundError for a figure of nothing that is known,
    and EarnRateTooHighError where points would be worth more than the play that earns them; nothing is changed then.
    """
    today = today or timezone.localdate()
    begins = valid_from or today
    checked = _checked_value(assumption, value)
    words = checked_reason(reason)
    if begins < today:
        raise InvalidInputError(
            f"valid_from is {begins}: what was assumed on past days stays as it was; {today} or later is needed",
            field="valid_from",
        )
    who = made_by.username if made_by else "house"
    with transaction.atomic():
        lock_assumptions()
        _check_known(assumption)
        _check_worth(assumption, value=checked)
        version = AssumptionVersion.objects.create(
            kind=assumption.kind,
            name=assumption.name,
            reward_family=assumption.reward_family,
            value=checked,
            valid_from=begins,
            reason=words,
            made_by=who,
        )
        take_up_assumptions(today=today)
    return version


def _checked_value(assumption: Assumption, value: Decimal) -> Decimal:
    places, maximum = _PLACES[assumption.kind], _MAXIMA[assumption.kind]
    if not value.is_finite() or not 0 <= value <= maximum or value != value.quantize(places):
        raise InvalidInputError(
            f"value is {value}: a decimal from 0 to {maximum} with at most {-int(places.as_tuple().exponent)} decimals "
            f"is needed for a {assumption.kind.label.lower()}",
            field="value",
        )
    return value


def checked_reason(reason: str) -> str:
    """Return a reason without the blanks around it. Raises InvalidInputError for an empty or endless one."""
    words = reason.strip()
    if not words or len(words) > REASON_LENGTH_MAX:
        raise InvalidInputError(
            f"a reason of 1 to {REASON_LENGTH_MAX} characters is needed: who reads a decision next year must know why",
            field="reason",
        )
    return words


def _check_known(assumption: Assumption) -> None:
    """Refuse a figure of something that does not exist; raises NotFoundError and InvalidInputError."""
    kind, name = assumption.kind, assumption.name
    if kind == AssumptionKind.HOUSE_EDGE:
        if not GameCategory.objects.filter(code=name).exists():
            raise NotFoundError(f"there is no game category {name!r}", name=name)
        return
    known: Sequence[str] = CurrencyType.values if kind == AssumptionKind.UNIT_VALUE else PlayerSegment.values
    if name not in known:
        raise InvalidInputError(f"name is {name!r}: one of {', '.join(known)} is needed", field="name")
    if kind == AssumptionKind.RETENTION and assumption.reward_family not in RewardFamily.values:
        raise InvalidInputError(
            f"reward_family is {assumption.reward_family!r}: one of {', '.join(RewardFamily.values)} is needed",
            field="reward_family",
        )


def _check_worth(assumption: Assumption, *, value: Decimal) -> None:
    """Refuse what would make a point worth more than the play that earns it."""
    if assumption.kind == AssumptionKind.UNIT_VALUE:
        check_unit_value(currency=assumption.name, money_value=value)
    elif assumption.kind == AssumptionKind.HOUSE_EDGE:
        category = GameCategory.objects.get(code=assumption.name)
        category.house_edge_rate = value
        check_game_category(category)

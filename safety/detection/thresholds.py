"""Thresholds of detectors: typed, bounded, read from JSON with every problem named by its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from core.errors import InvalidInputError
from core.strict_json import is_storable

Thresholds = dict[str, Any]


class ThresholdError(InvalidInputError):
    """Raised when thresholds name something unknown, have another type or lie outside their bounds."""

    code = "invalid_thresholds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One threshold; bounds are inclusive. Whole where the default is, else a decimal."""

    name: str
    default: int | Decimal
    minimum: int | Decimal
    maximum: int | Decimal
    help: str

    def parse(self, given: Any, *, path: str) -> int | Decimal:
        """Return the typed value. Raises ThresholdError."""
        number = _number(given)
        is_whole = isinstance(self.default, int)
        if number is None or (is_whole and number != int(number)) or not self.minimum <= number <= self.maximum:
            kind = "a whole number" if is_whole else "a number"
            raise ThresholdError(
                f"{path} is {given!r}: {kind} from {self.minimum} to {self.maximum} is needed, "
                f"for example {self.default}",
                path=path,
            )
        return int(number) if is_whole else number

    def shipped(self) -> Any:
        return self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryThresholds:
    """A figure for each game category that is named."""

    name: str
    default: Mapping[str, Decimal]
    minimum: Decimal
    maximum: Decimal
    help: str

    def parse(self, given: Any, *, path: str) -> dict[str, Decimal]:
        """Return the figures by category. Raises ThresholdError."""
        if not isinstance(given, dict):
            raise ThresholdError(
                f"{path} is {given!r}: an object of categories is needed, for example {as_json(self.default)}",
                path=path,
            )
        one = Threshold(name="", default=Decimal(1), minimum=self.minimum, maximum=self.maximum, help="")
        return {str(code): Decimal(one.parse(figure, path=f"{path}.{code}")) for code, figure in given.items()}

    def shipped(self) -> Any:
        return dict(self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountList:
    """A list of money amounts, possibly empty."""

    name: str
    help: str
    maximum_length: int = 20

    def parse(self, given: Any, *, path: str) -> list[Decimal]:
        """Return the amounts. Raises ThresholdError."""
        if not isinstance(given, list) or len(given) > self.maximum_length:
            raise ThresholdError(
                f"{path} is {given!r}: a list of at most {self.maximum_length} amounts is needed, for example [500]",
                path=path,
            )
        one = Threshold(name="", default=Decimal(500), minimum=Decimal("0.01"), maximum=Decimal(10**9), help="")
        return [Decimal(one.parse(amount, path=f"{path}[{place}]")) for place, amount in enumerate(given)]

    def shipped(self) -> Any:
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class NameList:
    """A list of names as they stand in the data, possibly empty."""

    name: str
    help: str
    maximum_length: int = 200
    characters_max: int = 100

    def parse(self, given: Any, *, path: str) -> list[str]:
        """Return the names. Raises ThresholdError."""
        if not isinstance(given, list) or len(given) > self.maximum_length:
            raise ThresholdError(
                f'{path} is {given!r}: a list of at most {self.maximum_length} names is needed, for example ["T-1"]',
                path=path,
            )
        for place, name in enumerate(given):
            if not self._is_name(name):
                raise ThresholdError(
                    f"{path}[{place}] is {name!r}: a text of 1 to {self.characters_max} characters is needed",
                    path=f"{path}[{place}]",
                )
        return [name.strip() for name in given]

    def _is_name(self, given: Any) -> bool:
        return isinstance(given, str) and 0 < len(given.strip()) <= self.characters_max and is_storable(given)

    def shipped(self) -> Any:
        return []


AnyThreshold = Threshold | CategoryThresholds | AmountList | NameList


def parse_thresholds(given: Any, *, declared: Sequence[AnyThreshold], path: str = "thresholds") -> Thresholds:
    """Return all thresholds, those not given as shipped. Raises ThresholdError naming the path of what is wrong."""
    if not isinstance(given, dict):
        raise ThresholdError(f"{path} is {given!r}: a JSON object {{…}} is needed", path=path)
    known = {threshold.name: threshold for threshold in declared}
    for name in given:
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise ThresholdError(f"{path}.{name} is no threshold of this detector: {meant}", path=f"{path}.{name}")
    return {
        name: threshold.parse(given[name], path=f"{path}.{name}") if name in given else threshold.shipped()
        for name, threshold in known.items()
    }


def as_json(value: Any) -> Any:
    """Return thresholds as JSON holds them: decimals as numbers, whole where they are."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: as_json(member) for name, member in value.items()}
    return [as_json(member) for member in value] if isinstance(value, list | tuple) else value


def _number(given: Any) -> Decimal | None:
    """Return a JSON number exactly; true and false are none."""
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        return None
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def window(default: int) -> Threshold:
    """Declare how far back a detector looks."""
    return Threshold(
        name="window_days", default=default, minimum=1, maximum=365, help="Days up to now that are looked at."
    )


def rate(name: str, default: str, help_text: str, *, maximum: str = "1") -> Threshold:
    """Declare a share, 0 to `maximum`."""
    return Threshold(name=name, default=Decimal(default), minimum=Decimal(0), maximum=Decimal(maximum), help=help_text)


def count(name: str, default: int, help_text: str, *, minimum: int = 1, maximum: int = 1_000_000) -> Threshold:
    """Declare a number of things."""
    return Threshold(name=name, default=default, minimum=minimum, maximum=maximum, help=help_text)


def money(name: str, default: str, help_text: str) -> Threshold:
    """Declare an amount of money."""
    return Threshold(name=name, default=Decimal(default), minimum=Decimal(0), maximum=Decimal(10**9), help=help_text)

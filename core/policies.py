"""Policies: typed values that staff may change while the house runs.

A value that staff saved wins over the environment's, which wins over the built-in default. Apps declare their policies
in `<app>/policies.py`; nothing else reads the environment for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from django.utils import timezone

from core import environment
from core.errors import InvalidInputError, NotFoundError
from core.models import PolicyValue
from core.plans import fetch_planned

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Value = TypeVar("Value", int, Decimal, bool, str)
# What staff saved, where one act reads it once for all its policies.
_SAVED: ContextVar[Mapping[str, str] | None] = ContextVar("saved_policies", default=None)


@contextmanager
def saved_policies_read_once() -> Iterator[None]:
    """Let everything within the block see the policies as one query finds them now, and ask no more.

    Within another such block nothing is asked at all.
    """
    if _SAVED.get() is not None:
        yield
        return
    held = _SAVED.set(dict(fetch_planned("SELECT name, value FROM policy_values", [])))
    try:
        yield
    finally:
        _SAVED.reset(held)


class PolicySource(StrEnum):
    """Which of the three values of a policy holds."""

    SAVED = "saved"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Generic[Value]):
    """One policy. The type of `default` is the type of every value; bounds are inclusive.

    A text may have to match a `pattern` in full; `wanted` then says in words what that is.
    """

    name: str
    default: Value
    help: str
    unit: str = ""
    minimum: Value | None = None
    maximum: Value | None = None
    choices: tuple[Value, ...] = ()
    pattern: str = ""
    wanted: str = ""

    def value(self) -> Value:
        """Return the value that holds now."""
        read = _SAVED.get()
        if read is not None:
            saved = read.get(self.name)
        else:
            saved = PolicyValue.objects.filter(name=self.name).values_list("value", flat=True).first()
        return self.parse(saved) if saved is not None else self.environment_value()

    def environment_value(self) -> Value:
        """Return the environment's value, or the default; a bad one raises EnvironmentValueError naming it."""
        given = environment.text(self.name, default=None)
        if given is None:
            return self.default
        try:
            return self.parse(given)
        except InvalidInputError as error:
            raise environment.EnvironmentValueError(self.name, given, error.details["needed"]) from None

    def source(self) -> PolicySource:
        """Say which value holds."""
        if PolicyValue.objects.filter(name=self.name).exists():
            return PolicySource.SAVED
        is_given = environment.text(self.name, default=None) is not None
        return PolicySource.ENVIRONMENT if is_given else PolicySource.DEFAULT

    def parse(self, given: str) -> Value:
        """Return the typed value of a text. Raises InvalidInputError."""
        try:
            value = _parse_as(type(self.default), given.strip())
        except (InvalidOperation, ValueError):
            raise self._refusal(given) from None
        is_outside = (self.minimum is not None and value < self.minimum) or (
            self.maximum is not None and value > self.maximum
        )
        is_unlike = bool(self.pattern) and not re.fullmatch(self.pattern, str(value))
        if is_outside or is_unlike or (self.choices and value not in self.choices):
            raise self._refusal(given)
        return value

    def _refusal(self, given: str) -> InvalidInputError:
        needed = f"{self._wanted()} is needed, for example {self.default}"
        return InvalidInputError(f"{self.name} is {given!r}: {needed}", field=self.name, needed=needed)

    def _wanted(self) -> str:
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.wanted:
            return self.wanted
        kind = {int: "a whole number", Decimal: "a decimal number", bool: "yes or no", str: "a text"}[
            type(self.default)
        ]
        at_least = "" if self.minimum is None else f" of at least {self.minimum}"
        at_most = "" if self.maximum is None else f"{' and' if at_least else ' of'} at most {self.maximum}"
        return kind + at_least + at_most


POLICIES: dict[str, Policy[int] | Policy[Decimal] | Policy[bool] | Policy[str]] = {}


def declare(policy: Policy[Value]) -> Policy[Value]:
    """Register a policy so that staff can see and change it."""
    POLICIES[policy.name] = policy
    return policy


def policies_in_force() -> tuple[tuple[str, object], ...]:
    """Return every policy's value: whatever is built from policies may be kept as long as this stays the same."""
    return tuple((name, policy.value()) for name, policy in POLICIES.items())


def save_policy(*, name: str, value: str, saved_by: User | None) -> None:
    """Let staff's value hold. Raises NotFoundError or InvalidInputError; then nothing is stored."""
    if name not in POLICIES:
        raise NotFoundError(f"there is no policy {name!r}", name=name)
    parsed = POLICIES[name].parse(value)
    PolicyValue.objects.update_or_create(
        name=name, defaults={"value": str(parsed), "saved_by": saved_by, "saved_at": timezone.now()}
    )


def clear_policy(*, name: str) -> None:
    """Forget staff's value, so that the environment's or the default holds again."""
    PolicyValue.objects.filter(name=name).delete()


def _parse_as(kind: type[Value], given: str) -> Value:
    """Return the typed value; raises ValueError or InvalidOperation."""
    parse: dict[type, Callable[[str], object]] = {bool: _boolean, int: _whole_number, Decimal: _decimal, str: str}
    return parse[kind](given)  # type: ignore[return-value]


def _boolean(given: str) -> bool:
    if given.lower() not in _BOOLEANS:
        raise ValueError(given)
    return _BOOLEANS[given.lower()]


def _whole_number(given: str) -> int:
    # int() also takes "1_000" and digits of other scripts, which nobody means in a setting; so does Decimal().
    if not given.isascii() or not given.removeprefix("-").isdigit():
        raise ValueError(given)
    return int(given)


def _decimal(given: str) -> Decimal:
    number = Decimal(given)
    if not number.is_finite() or not given.isascii() or "_" in given:
        raise ValueError(given)
    return number


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

"""Reading the fields of reported events, one value each; whatever comes, it is taken exactly or refused with words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from core.errors import InvalidInputError
from core.money import parse_amount
from players.activity.problems import shown

ID_LENGTH_MAX = 100
PLAYER_ID_LENGTH_MAX = 50
ACTION_LENGTH_MAX = 60
SOURCE_LENGTH_MAX = 40
CURRENCY_LENGTH_MAX = 10
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
WORDS_OF_THE_HOUSE = frozenset({"ANY", "CLAIM", "TIER_REACHED"})
_ACTION_CODE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_PLAIN_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,2})?", re.ASCII)


class FieldRefusedError(ValueError):
    """Raised for a value that cannot be taken; the message says what it is and what would be right."""


def read_id(value: Any) -> str:
    """Return an id of up to 100 characters."""
    # Most values of a batch are ids: those that need nothing are told at once.
    if type(value) is str and 0 < len(value) <= ID_LENGTH_MAX and value.isprintable() and " " not in value:
        return value
    return _text(value, length_max=ID_LENGTH_MAX)


def read_player_id(value: Any) -> str:
    """Return a player's id of up to 50 characters."""
    if type(value) is str and 0 < len(value) <= PLAYER_ID_LENGTH_MAX and value.isprintable() and " " not in value:
        return value
    return _text(value, length_max=PLAYER_ID_LENGTH_MAX)


def read_action(value: Any) -> str:
    """Return an action's code."""
    code = _text(value, length_max=ACTION_LENGTH_MAX)
    if not _ACTION_CODE.fullmatch(code):
        raise FieldRefusedError(f"is {shown(value)}: capitals, digits and underscores are needed, such as KYC_COMPLETE")
    if code in WORDS_OF_THE_HOUSE:
        raise FieldRefusedError(f"is {code}, which is a word of the house's own: another code is needed")
    return code


def _text(value: Any, *, length_max: int) -> str:
    if not isinstance(value, str):
        raise FieldRefusedError(f"is {shown(value)}: a text is needed, in quotes")
    text = value.strip()
    if not 0 < len(text) <= length_max:
        raise FieldRefusedError(f"is {shown(value)}: 1 to {length_max} characters are needed")
    if not text.isprintable():
        raise FieldRefusedError(f"is {shown(value)}: control characters cannot be part of it")
    return text


def read_amount(value: Any) -> str:
    """Return an amount of at least 0 as text with exactly two decimals."""
    text = value if isinstance(value, str) else _number_text(value)
    if _PLAIN_AMOUNT.fullmatch(text):
        if text[-3:-2] == ".":
            return text
        whole, _, cents = text.partition(".")
        return f"{whole}.{cents:0<2}"
    try:
        amount = parse_amount(value, positive=False)
    except InvalidInputError as error:
        raise FieldRefusedError(_shortened(error.message.removeprefix("amount "))) from None
    if amount < 0:
        raise FieldRefusedError(f"is {amount}: at least 0 is needed; a correction names the event it corrects")
    return f"{abs(amount):f}"


def _number_text(value: Any) -> str:
    # A number of a million digits must not be written out.
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 17:
        return str(value)
    if type(value) is int and value < 10**17:
        return str(value)
    return ""


def _shortened(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:80]} … {message[-100:]}"


def read_moment(value: Any) -> str:
    """Return a time as text in UTC, so that one moment is written in one way."""
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise FieldRefusedError(f"is {shown(value)}: a time such as 2025-12-21T12:00:00Z is needed") from None
    if moment.tzinfo is None:
        raise FieldRefusedError(f"is {shown(value)}: a zone is missing, as in 2025-12-21T12:00:00Z")
    try:
        utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        utc = EARLIEST - timedelta(days=1)
    if utc < EARLIEST:
        raise FieldRefusedError(f"is {shown(value)}: a time from the year 2000 on is needed")
    return utc.isoformat()


@lru_cache(maxsize=100_000)
def _address(value: str) -> str:
    return str(ip_address(value))


def read_address(value: Any) -> str:
    """Return an IP address, version 4 or 6, in its usual form."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError  # noqa: TRY301  # a zone such as %eth0 means something on one machine alone
        return _address(value.strip())
    except ValueError:
        raise FieldRefusedError(f"is {shown(value)}: an IP address such as 203.0.113.7 is needed") from None


def read_flag(value: Any) -> bool:
    """Return `true` or `false`, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise FieldRefusedError(f"is {shown(value)}: true or false is needed, without quotes")
    return value


def read_currency(value: Any) -> str:
    """Return the code of a currency, in capitals; whether it is the operator's is the batch's to check."""
    return _text(value, length_max=CURRENCY_LENGTH_MAX).upper()


def read_source(value: Any) -> str:
    """Return the name of a source of events, of up to 40 characters."""
    return _text(value, length_max=SOURCE_LENGTH_MAX)

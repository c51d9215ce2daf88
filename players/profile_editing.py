"""The columns of a player that staff and integrators may edit; everything else is measured or derived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from core.errors import ConflictError, InvalidInputError, NotFoundError
from players.models import Player
from players.profile import profile_depth_expression

PROFILE_COLUMNS = (
    "email",
    "name",
    "country",
    "language",
    "gender",
    "age",
    "tags",
    "kyc_completed_at",
    "registered_on",
    "is_active",
)
TAGS_MAX = 50
AGE_MAX = 150


class EmailTakenError(ConflictError):
    """Raised when another player has the e-mail address."""

    code = "email_taken"


def update_profile(*, player_id: str, changes: Mapping[str, Any], today: date) -> Player:
    """Change the given profile columns and return the player.

    Raises InvalidInputError for a column that is not the profile's or a value that cannot be, EmailTakenError, and
    NotFoundError; then nothing is changed.
    """
    columns = checked_profile(changes=changes, today=today)
    if columns:
        try:
            with transaction.atomic():
                player = Player.objects.filter(pk=player_id)
                player.update(**columns, updated_at=Now())
                player.update(profile_depth=profile_depth_expression())
        except IntegrityError:
            raise EmailTakenError("another player has this e-mail address", field="email") from None
    found = Player.objects.filter(pk=player_id).first()
    if found is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return found


def checked_profile(*, changes: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the columns as they will be stored. Raises InvalidInputError naming the column as `field`."""
    return {name: _checked(name, value, today) for name, value in changes.items()}


def remove_player(*, player_id: str) -> None:
    """Take a player out of use: the row and its ledger stay. Raises NotFoundError."""
    if not Player.objects.filter(pk=player_id).update(is_active=False, updated_at=Now()):
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)


def _checked(name: str, value: Any, today: date) -> Any:
    if name not in PROFILE_COLUMNS:
        raise InvalidInputError(f"{name} is not edited by hand; these are: {', '.join(PROFILE_COLUMNS)}", field=name)
    if name == "email":
        return _checked_email(value)
    if name == "tags":
        return _checked_tags(value)
    if name == "age" and value is not None and not 0 <= value <= AGE_MAX:
        raise InvalidInputError(f"age is {value}: years from 0 to {AGE_MAX} are needed", field="age")
    if name == "registered_on" and value is not None and value > today:
        raise InvalidInputError(f"registered_on is {value}, which is still to come", field="registered_on")
    column = Player._meta.get_field(name)
    longest = getattr(column, "max_length", None)
    if longest and len(value) > longest:
        raise InvalidInputError(f"{name} has {len(value)} characters: at most {longest} fit", field=name)
    return value


def _checked_email(value: str | None) -> str | None:
    """Keep no address as NULL: two players without one must not collide."""
    email = (value or "").strip()
    if not email:
        return None
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInputError(
            f"email is {email!r}: an address such as name@example.com is needed", field="email"
        ) from None
    if len(email) > 255:
        raise InvalidInputError("email has more than 255 characters", field="email")
    return email


def _checked_tags(value: list[str]) -> list[str]:
    tags = list(dict.fromkeys(tag.strip() for tag in value))
    if len(tags) > TAGS_MAX:
        raise InvalidInputError(f"{len(tags)} tags are given: at most {TAGS_MAX} can be kept", field="tags")
    if any(not tag or len(tag) > 60 for tag in tags):
        raise InvalidInputError("a tag must have 1 to 60 characters", field="tags")
    return tags

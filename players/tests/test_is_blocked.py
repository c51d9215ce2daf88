"""`is_blocked` is what the restrictions say, whoever writes what where."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.expressions import run_statement
from players.models import Player, PlayerRestriction, RestrictionChange
from players.restrictions.due import refresh_blocked
from players.tests.factories import make_alice, make_carol, make_player, restrict

pytestmark = pytest.mark.django_db


def is_blocked(player_id: str = "alice") -> bool:
    return Player.objects.get(pk=player_id).is_blocked


def test_who_is_blocked_is_blocked_at_once() -> None:
    restrict(make_alice(), "BLOCKED")

    assert is_blocked()


@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF", "RG_HARM", "MARKETING_OPT_OUT"])
def test_other_restrictions_block_nobody(kind: str) -> None:
    restrict(make_alice(), kind)

    assert not is_blocked()


def test_a_restriction_that_ends_unblocks() -> None:
    blocked = restrict(make_alice(), "BLOCKED")

    PlayerRestriction.objects.filter(pk=blocked.pk).update(ends_at=timezone.now())

    assert not is_blocked()


def test_one_of_two_that_ends_leaves_the_player_blocked() -> None:
    alice = make_alice()
    first, _second = restrict(alice, "BLOCKED"), restrict(alice, "BLOCKED")

    PlayerRestriction.objects.filter(pk=first.pk).update(ends_at=timezone.now())

    assert is_blocked()


def test_what_begins_and_ends_in_time_is_followed() -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    restrict(make_alice(), "BLOCKED", starts_at=tomorrow)
    restrict(make_player("bob"), "BLOCKED", ends_at=tomorrow)
    assert (is_blocked(), is_blocked("bob")) == (False, True)
    let_two_days_pass()

    changed = refresh_blocked()

    assert (changed, is_blocked(), is_blocked("bob")) == (2, True, False)
    assert refresh_blocked() == 0


def let_two_days_pass() -> None:
    """Move every restriction back without telling a trigger: time that passes tells none either."""
    run_statement("SET LOCAL session_replication_role = replica", [])
    back = "starts_at = starts_at - interval '2 days', ends_at = ends_at - interval '2 days'"
    run_statement(f"UPDATE player_restrictions SET {back}", [])
    run_statement("SET LOCAL session_replication_role = origin", [])


def test_nobody_writes_it_by_hand() -> None:
    alice = make_alice()
    restrict(make_player("bob"), "BLOCKED")

    Player.objects.filter(pk="alice").update(is_blocked=True)
    Player.objects.filter(pk="bob").update(is_blocked=False)
    make_player("dan", is_blocked=True)
    alice.is_blocked = True
    alice.save()

    assert [is_blocked(who) for who in ("alice", "bob", "dan")] == [False, True, False]


def test_a_restriction_is_not_deleted() -> None:
    carol = make_carol()

    with pytest.raises(IntegrityError, match="is kept: lift it instead"), transaction.atomic():
        carol.restrictions.all().delete()

    assert carol.restrictions.count() == 1


@pytest.mark.parametrize("column", ["kind", "source", "reason", "external_reference"])
def test_what_was_said_when_it_was_imposed_stays(column: str) -> None:
    make_carol()

    with pytest.raises(IntegrityError, match="keeps what was said"), transaction.atomic():
        PlayerRestriction.objects.update(**{column: "BLOCKED"})


@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF"])
def test_not_even_raw_sql_ends_an_exclusion_early(kind: str) -> None:
    ends_at = timezone.now() + timedelta(days=30)
    restrict(make_alice(), kind, ends_at=ends_at)

    with pytest.raises(IntegrityError, match="cannot end before"), transaction.atomic():
        PlayerRestriction.objects.update(ends_at=timezone.now())

    assert PlayerRestriction.objects.get().ends_at == ends_at


def test_history_is_only_added_to() -> None:
    carol = make_carol()
    change = RestrictionChange.objects.create(
        restriction=carol.restrictions.get(), act="IMPOSED", actor="tests", changed_at=timezone.now()
    )

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RestrictionChange.objects.filter(pk=change.pk).update(actor="nobody")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RestrictionChange.objects.filter(pk=change.pk).delete()

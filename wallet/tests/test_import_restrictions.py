"""A register's list: everybody on it is restricted, or nobody where a row is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import InvalidInputError
from core.models import OutboxEvent
from players.models import PlayerRestriction, RestrictionChange
from players.restrictions.register import RegisterList, RegisterRefusedError
from players.tests.factories import make_player
from wallet.reconciliation import reconcile
from wallet.restricting import import_restrictions
from wallet.tests.factories import balances, give_bonus, make_alice, make_bob

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "external_reference,player_id,kind,starts_at,until,reason"


@pytest.fixture
def take(tmp_path: Path) -> Any:
    """Return what takes a list of the register's, given as rows."""

    def take(*rows: str, header: str = HEADER, source: str = "national register", **terms: Any) -> dict[str, int]:
        path = tmp_path / "list.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return dict(import_restrictions(RegisterList(path=path, source=source, **terms), at=AT))

    return take


def restrictions() -> list[tuple[str, str, str]]:
    rows = PlayerRestriction.objects.order_by("player_id", "id")
    return [(row.player_id, row.kind, row.external_reference) for row in rows]


def test_everybody_on_the_list_is_restricted_and_bonuses_end(take: Any) -> None:
    make_alice()
    make_bob()
    give_bonus("bob", "50.00", expiry=None, at=AT - timedelta(days=1))

    counts = take("R1,alice,,,,", "R2,bob,BLOCKED,2026-02-01,2027-02-01 18:30,Court order")

    assert (counts["rows"], counts["imposed"], counts["bonuses cancelled"]) == (2, 2, 1)
    assert restrictions() == [("alice", "SELF_EXCLUDED", "R1"), ("bob", "BLOCKED", "R2")]
    assert balances("bob") == {}
    bob = PlayerRestriction.objects.get(player_id="bob")
    assert (bob.starts_at, bob.ends_at) == (datetime(2026, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, 18, 30, tzinfo=UTC))
    assert (bob.source, bob.reason, bob.evidence) == (
        "national register",
        "Court order",
        {"file": "list.csv", "row": 3},
    )
    assert bob.player.is_blocked
    alice = PlayerRestriction.objects.get(player_id="alice")
    assert (alice.ends_at, alice.minimum_until) == (None, AT + timedelta(days=180))
    assert alice.reason == "Listed by national register"
    assert OutboxEvent.objects.filter(topic="restriction.imposed").count() == 2
    reconcile()


def test_the_same_list_again_changes_nothing(take: Any) -> None:
    make_alice()
    take("R1,alice,,,2027-03-01,")
    lines = RestrictionChange.objects.count()

    again = take("R1,alice,,,2027-03-01,")

    assert (again["imposed"], again["extended"], again["unchanged"]) == (0, 0, 1)
    assert (PlayerRestriction.objects.count(), RestrictionChange.objects.count()) == (1, lines)


def test_a_later_end_moves_it_and_an_earlier_one_does_not(take: Any) -> None:
    make_alice()
    take("R1,alice,,,2027-03-01,")

    later = take("R1,alice,,,2028-03-01,")
    earlier = take("R1,alice,,,2027-06-01,")

    assert (later["extended"], earlier["extended"], earlier["unchanged"]) == (1, 0, 1)
    assert PlayerRestriction.objects.get().minimum_until == datetime(2028, 3, 1, tzinfo=UTC)
    assert RestrictionChange.objects.filter(act="END_MOVED").count() == 1


def test_a_later_end_of_one_that_had_ended_takes_effect_once_more(take: Any) -> None:
    make_bob()
    take("R1,bob,BLOCKED,2026-01-01,2026-02-01,")
    give_bonus("bob", "50.00", expiry=None, at=AT - timedelta(days=1))
    again = take("R1,bob,BLOCKED,2026-01-01,2026-02-01,")
    kept = balances("bob")

    prolonged = take("R1,bob,BLOCKED,2026-01-01,2027-01-01,")

    assert (again["ended"], again["unchanged"], kept) == (1, 0, {"BONUS": "50.00"})
    assert (prolonged["extended"], prolonged["ended"], prolonged["bonuses cancelled"]) == (1, 0, 1)
    assert balances("bob") == {}
    reconcile()


def test_the_same_reference_of_another_source_is_another_restriction(take: Any) -> None:
    make_alice()
    take("R1,alice,,,,")
    take("R1,alice,,,,", source="court")

    assert len(restrictions()) == 2


def test_a_list_by_email_passes_over_strangers(take: Any) -> None:
    make_player("alice", email="alice@example.com")

    counts = take("R1,alice@example.com", "R2,nobody@example.com", header="external_reference,email")

    assert (counts["imposed"], counts["strangers"], restrictions()) == (1, 1, [("alice", "SELF_EXCLUDED", "R1")])


def test_every_wrong_row_is_told_at_once_and_nothing_is_stored(take: Any) -> None:
    make_alice()
    make_bob()

    with pytest.raises(RegisterRefusedError) as refused:
        take(
            "R1,alice,,,,",
            "R1,bob,,,,",
            ",bob,,,,",
            "R2,dan,,,,",
            "R3,bob,FRIEND,,,",
            "R4,bob,,soon,,",
            "R5,bob,,,later,",
            "R6,bob,,2026-02-01,2026-01-01,",
            "R7,bob,COOL_OFF,,,",
        )

    found = [(one.row, one.column, one.value) for one in refused.value.problems]
    assert found == [
        (3, "external_reference", "R1"),
        (4, "external_reference", ""),
        (5, "player_id", "dan"),
        (6, "kind", "FRIEND"),
        (7, "starts_at", "soon"),
        (8, "until", "later"),
        (9, "until", "2026-01-01"),
        (10, "until", ""),
    ]
    assert "8 problem(s); nothing of it was taken. Row 3" in refused.value.message
    assert restrictions() == []


def test_a_reference_that_stood_for_another_player_is_a_problem(take: Any) -> None:
    make_alice()
    make_bob()
    take("R1,alice,,,,")

    with pytest.raises(RegisterRefusedError, match="stands for SELF_EXCLUDED of player alice"):
        take("R1,bob,,,,")


@pytest.mark.parametrize(
    ("header", "terms", "match"),
    [
        ("external_reference,reason", {}, "neither a column player_id nor email"),
        ("player_id,reason", {}, "external_reference"),
        (HEADER, {"source": " "}, "source is empty"),
        (HEADER, {"kind": "FRIEND"}, "kind is 'FRIEND'"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(take: Any, header: str, terms: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        take("R1,alice", header=header, **terms)


def test_the_command_shows_the_counts_and_the_problems(tmp_path: Path, capsys: Any) -> None:
    make_alice()
    path = tmp_path / "list.csv"
    path.write_text("external_reference,player_id\nR1,alice\nR2,dan\n")
    with pytest.raises(CommandError, match=r"1 problem\(s\)"):
        call_command("import_restrictions", str(path), source="register")
    assert "dan" in capsys.readouterr().out
    path.write_text("external_reference,player_id\nR1,alice\n")

    call_command("import_restrictions", str(path), source="register")
    call_command("apply_due_restrictions")

    shown = capsys.readouterr().out
    assert "imposed" in shown
    assert "restrictions: 0" in shown


def test_a_long_list_costs_no_more_queries_than_a_short_one(take: Any) -> None:
    for number in range(60):
        make_player(f"p{number:02}")
    with CaptureQueriesContext(connection) as few:
        take(*[f"R{number},p{number:02},,,," for number in range(2)])
    with CaptureQueriesContext(connection) as many:
        take(*[f"R{number},p{number:02},,,," for number in range(60)])

    assert len(many) == len(few)

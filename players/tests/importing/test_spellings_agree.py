"""A file in plain spelling and the same file in any other spelling mean the same."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from players.importing import ImportOptions, import_players, regular, understanding
from players.models import Player, PlayerMetrics
from players.tests.importing.files import write

pytestmark = pytest.mark.django_db
HEADER = (
    "player_id,total_deposited,total_wagered,total_won,sessions,bets,playtime_hours,last_deposit_date,registration_date,"
    "email,name,age"
)

AMOUNTS = st.decimals(min_value=0, max_value=999_999_999, places=2).map(lambda amount: f"{amount:f}")
PLAIN_ROWS = st.lists(
    st.tuples(
        st.from_regex(r"[A-Za-z_]{0,6}[0-9]{1,8}", fullmatch=True),
        AMOUNTS,
        AMOUNTS,
        AMOUNTS,
        st.integers(0, 999_999).map(str),
        st.sampled_from(["", "0", "17", "123456789"]),
        st.sampled_from(["", "0", "12.5", "99999.99"]),
        st.sampled_from(["", "2024-02-29", "2025-12-31", "1999-01-01"]),
        st.sampled_from(["", "2024-02-29", "2025-11-30"]),
        st.just(""),
        st.sampled_from(["", "Ann Lee", "O'Neil-Smith", "Łukasz 山田", "N/A x"]),
        st.sampled_from(["", "19", "74"]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)


def stored() -> list[dict[str, Any]]:
    """Return everything about all players but when it was written."""
    written = {"id", "player_id", "created_at", "updated_at"}
    players = {player["player_id"]: player for player in Player.objects.values()}
    metrics = PlayerMetrics.objects.order_by("player_id").values()
    return [
        {key: value for key, value in {**players[row["player_id"]], **row}.items() if key not in written}
        for row in metrics
    ]


def stored_after(path: Path) -> list[dict[str, Any]]:
    Player.objects.all().delete()
    import_players(path, options=ImportOptions(force=True))
    return stored()


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=PLAIN_ROWS)
def test_the_quick_and_the_careful_reading_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, ...]]
) -> None:
    path = write(tmp_path, *(",".join(row) for row in rows), header=HEADER)
    quick = stored_after(path)
    with monkeypatch.context() as patch:
        patch.setattr(understanding, "write_typed_rows", fail)
        assert stored_after(path) == quick

    with monkeypatch.context() as patch:
        patch.setattr(regular, "write_plain_rows", lambda *_, **__: False)
        assert stored_after(path) == quick


def fail(*_: object, **__: object) -> None:
    raise AssertionError("a plain file was read with care")


def test_one_table_means_the_same_in_every_spelling(tmp_path: Path) -> None:
    plain = write(
        tmp_path, "P1,1234.50,15000,12000.25,25,1250,48.5,2025-12-20,2025-03-14,a@example.com,Ann,34", header=HEADER
    )
    other = tmp_path / "other.csv"
    other.write_bytes(
        (
            "Report\r\n\r\n"
            + HEADER.replace(",", ";").replace("total_wagered", "Turnover (EUR)").replace("player_id", "Player ID")
            + '\r\n"P1 ";€ 1.234,50;15.000;12.000,25;25,0;1.250;48:30;20.12.2025;14/03/2025;A@Example.com;Ann;34\r\n'
        ).encode("utf-16")
    )

    assert stored_after(other) == stored_after(plain)

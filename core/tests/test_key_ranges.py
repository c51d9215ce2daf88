"""Ranges of keys: found by sampling, whatever the keys look like, and together they hold every key once."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.expressions import fetch_rows
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range, ranges_between, sample_key_edges
from players.models import Player

AWKWARD_KEYS = {
    "numbers": [f"{number:06}" for number in range(500)],
    "long numbers": [str(1213141516171819 + number) for number in range(500)],
    "hex": [uuid.UUID(int=number * 340282366920938463463374607431768).hex for number in range(500)],
    "mixed": [
        "--dilib--",
        "",
        "P001",
        "p001",
        "Ω",
        "ß",
        "日本",
        "🎰",
        "%s",
        "'; --",
        "\\",
        " blank ",
        "010101",
        "~",
        "!",
    ],
    "one prefix": [f"PLAYER-{number}" for number in range(500)],
}


def write_players(keys: list[str]) -> list[str]:
    wanted = [key for key in keys if key]
    Player.objects.bulk_create(Player(player_id=key) for key in wanted)
    return wanted


@pytest.mark.django_db
@pytest.mark.parametrize("shape", AWKWARD_KEYS)
def test_ranges_hold_every_key_exactly_once(shape: str) -> None:
    keys = write_players(AWKWARD_KEYS[shape])

    edges = sample_key_edges(table="players", column="player_id", rows_per_chunk=max(1, len(keys) // 7))
    found = [
        list(Player.objects.filter(**range_.filters("player_id")).values_list("player_id", flat=True))
        for range_ in ranges_between(edges)
    ]

    assert len(found) >= 5
    assert sorted(key for chunk in found for key in chunk) == sorted(keys)


@pytest.mark.django_db
def test_sampled_ranges_are_about_equally_large() -> None:
    write_players(AWKWARD_KEYS["long numbers"])

    edges = sample_key_edges(table="players", column="player_id", rows_per_chunk=100)
    sizes = [Player.objects.filter(**keys.filters("player_id")).count() for keys in ranges_between(edges)]

    assert sum(sizes) == 500
    assert len(sizes) == 5
    assert max(sizes) <= 150


@pytest.mark.django_db
def test_every_worker_gets_as_many_ranges() -> None:
    write_players(AWKWARD_KEYS["long numbers"])

    edges = sample_key_edges(table="players", column="player_id", rows_per_chunk=100, workers=2)
    sizes = [Player.objects.filter(**keys.filters("player_id")).count() for keys in ranges_between(edges)]

    assert sum(sizes) == 500
    assert len(sizes) == 6
    assert max(sizes) <= 130


@pytest.mark.django_db
@pytest.mark.parametrize(("rows", "rows_per_chunk"), [(0, 10), (10, 10), (9, 10)])
def test_few_rows_are_one_open_range(rows: int, rows_per_chunk: int) -> None:
    write_players(AWKWARD_KEYS["numbers"][:rows])

    edges = sample_key_edges(table="players", column="player_id", rows_per_chunk=rows_per_chunk)

    assert ranges_between(edges) == [KeyRange()]


def test_an_open_end_is_no_condition() -> None:
    assert ALL_KEYS.condition("k") == ("true", [])
    assert ALL_KEYS.filters("k") == {}
    assert KeyRange(lower="a").condition("k") == ("k >= %s", ["a"])
    assert KeyRange(upper="b").condition("k") == ("k < %s", ["b"])
    assert KeyRange(lower="a", upper="b").condition("k") == ("k >= %s AND k < %s", ["a", "b"])
    assert KeyRange(lower="a", upper="b").filters("k") == {"k__gte": "a", "k__lt": "b"}


@given(st.lists(st.text(min_size=1), unique=True), st.text(min_size=1))
def test_every_key_falls_into_one_of_the_ranges_between_any_edges(edges: list[str], key: str) -> None:
    ranges = ranges_between(sorted(edges))

    assert sum((r.lower is None or r.lower <= key) and (r.upper is None or key < r.upper) for r in ranges) == 1


@pytest.mark.django_db
@settings(max_examples=30, deadline=None)
@given(
    key=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=50),
    lower=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50),
    upper=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50),
)
def test_a_statement_bound_to_a_range_finds_what_the_range_holds(
    key: str, lower: str | None, upper: str | None
) -> None:
    keys = KeyRange(lower=lower, upper=upper)
    sql, params = UNBOUND_RANGE.condition('k.key COLLATE "C"')
    expected = (lower is None or lower <= key) and (upper is None or key < upper)

    found = fetch_rows(f"SELECT 1 FROM (SELECT %s::text AS key) k WHERE {sql}", bind_range([key, *params], keys=keys))

    assert bool(found) is expected


@pytest.mark.django_db
def test_the_last_range_holds_the_last_character_there_is() -> None:
    sql, params = UNBOUND_RANGE.condition("player_id")
    Player.objects.create(player_id="\U0010ffff" * 50)

    assert fetch_rows(f"SELECT count(*) FROM players WHERE {sql}", bind_range(params, keys=ALL_KEYS)) == [(1,)]


def test_binding_leaves_other_parameters_alone() -> None:
    _, bounds = UNBOUND_RANGE.condition("k")

    assert bind_range([1, None, "a", *bounds, ["x"]], keys=KeyRange(lower="l", upper="u")) == [
        1, None, "a", "l", "u", ["x"],
    ]  # fmt: skip

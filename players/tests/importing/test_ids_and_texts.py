"""Ids are text and stay as they are; names and addresses are cleaned with care."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from players.importing import import_players
from players.models import Player
from players.tests.importing.files import HEADER, codes, imported, refused, write

pytestmark = pytest.mark.django_db


def known_ids() -> set[str]:
    return set(Player.objects.values_list("player_id", flat=True))


def test_real_ids_survive(tmp_path: Path) -> None:
    ids = ["010101", "--dilib--", "1213141516171819", "-5", "=1+1", "1e5", "@x", "+49", "#1", "Иван", "ａ１", "O'Neil"]

    imported(tmp_path, *(f"{player_id},1,2,3" for player_id in ids))

    assert known_ids() == set(ids)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.from_regex(r"[!#-&(-+\--<>-~]{1,50}", fullmatch=True), min_size=1, max_size=20, unique=True))
def test_any_visible_id_survives(tmp_path: Path, ids: list[str]) -> None:
    labels = {"total", "totals", "sum", "summe", "somme", "suma"}
    chosen = [player_id for player_id in ids if player_id.strip("!#$%&()*+-./:;<>@[]^`{|}~?_").lower() not in labels]
    kept = [player_id for player_id in chosen if not player_id.startswith("#") and "E+" not in player_id]
    Player.objects.all().delete()

    imported(tmp_path, *(f'"{player_id}",1,2,3' for player_id in [*kept, "P1"]), force=True)

    assert known_ids() == {*kept, "P1"}


def test_what_spreadsheets_wrap_around_ids_is_taken_off_and_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, '"=""010101""",1,2,3', "'--dilib--,1,2,3", "'=1+1,1,2,3", "'quoted',1,2,3")

    assert known_ids() == {"010101", "--dilib--", "=1+1", "'quoted'"}
    assert codes(summary.notices) == ["unwrapped_ids"]


def test_spaces_around_an_id_do_not_make_another_player(tmp_path: Path) -> None:
    imported(tmp_path, " alice ,1,2,3", "\u00a0bob\u3000,1,2,3")

    assert known_ids() == {"alice", "bob"}


@pytest.mark.parametrize(
    ("player_id", "code"),
    [
        ("", "empty"),
        ("al\u200bice", "id_unseen_character"),
        ("al\u202eice", "id_unseen_character"),
        ('"al\nice"', "id_unseen_character"),
        ("al\x07ice", "id_unseen_character"),
        ("1.21314E+18", "id_shortened"),
        ("1,2E+15".join('""'), "id_shortened"),
        ("1001.0", "id_decimal"),
        ("#REF!", "error_value"),
        ("x" * 51, "id_too_long"),
    ],
)
def test_an_id_that_cannot_be_trusted_is_refused(tmp_path: Path, player_id: str, code: str) -> None:
    assert [problem["code"] for problem in refused(tmp_path, f"{player_id},1,2,3")] == [code]


def test_an_accented_id_in_a_guessed_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "players.csv"
    path.write_bytes(f"{HEADER}\nJürgen,1,2,3\n".encode("cp1252"))

    with pytest.raises(Exception, match="this id may be read wrongly"):
        import_players(path)


def test_an_id_that_reads_like_a_missing_value_is_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "NULL,1,2,3")

    assert (known_ids(), codes(summary.notices)) == ({"NULL"}, ["placeholder_ids"])


def test_lost_leading_zeros_are_told(tmp_path: Path) -> None:
    imported(tmp_path, "010101,1,2,3")

    summary = imported(tmp_path, "10101,1,2,3", "020202,1,2,3")

    assert [notice["message"] for notice in summary.notices] == [
        "1 new ids are known ones without leading zeros (row 2: 10101, known: 010101)"
    ]


def test_a_profile_is_kept_as_it_is_written(tmp_path: Path) -> None:
    header = f"{HEADER},e-mail,name,country,language,gender,age,registration_date"

    imported(
        tmp_path, 'alice,1,2,3,Alice@Example.COM,"Ann ""A"", Smith",Malta,English,Female,34,2025-03-14', header=header
    )

    alice = Player.objects.get(player_id="alice")
    assert (alice.email, alice.name, alice.country, alice.age) == ("alice@example.com", 'Ann "A", Smith', "Malta", 34)
    assert (str(alice.registered_on), alice.source, alice.profile_depth) == ("2025-03-14", "FILE", 87)


def test_line_ends_and_control_characters_in_a_name_become_harmless(tmp_path: Path) -> None:
    summary = imported(tmp_path, 'alice,1,2,3,"Ann\nSmith"', "bob,1,2,3,B\x07ob", header=f"{HEADER},name")

    assert list(Player.objects.order_by("player_id").values_list("name", flat=True)) == ["Ann Smith", "Bob"]
    assert codes(summary.notices) == ["control_characters"]


def test_words_for_nothing_are_empty_where_a_cell_may_be_empty(tmp_path: Path) -> None:
    header = f"{HEADER},name,email,sessions,last_deposit_date"

    summary = imported(tmp_path, r"alice,1,2,3,NULL,N/A,None,\N", header=header)

    assert (Player.objects.get().name, Player.objects.get().email) == ("", None)
    assert codes(summary.notices) == ["placeholders"] * 4


@pytest.mark.parametrize(
    "email", ["alice", "alice@", "@example.com", "a b@example.com", "a@b", "a@example.com;b@example.com"]
)
def test_what_is_no_address_is_refused(tmp_path: Path, email: str) -> None:
    assert refused(tmp_path, f"alice,1,2,3,{email}", header=f"{HEADER},email")[0]["code"] == "not_an_email"


def test_a_text_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, f"alice,1,2,3,{'x' * 256}", header=f"{HEADER},name")[0]["code"] == "too_long"


def test_another_currency_is_refused(tmp_path: Path) -> None:
    problems = refused(tmp_path, "alice,1,2,3,EUR", "bob,1,2,3,USD", header=f"{HEADER},currency")

    assert [(problem["row"], problem["value"], problem["code"]) for problem in problems] == [(3, "USD", "currency")]


def test_unknown_columns_are_named_in_the_report(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3,x,y", header=f"{HEADER},vip host,shoe size")

    assert [notice["message"] for notice in summary.notices] == ["columns that were not read: vip host, shoe size"]


def test_a_hostile_name_is_only_text(tmp_path: Path) -> None:
    name = "'); DROP TABLE players; --%s"

    imported(tmp_path, f'alice,1,2,3,"{name}"', header=f"{HEADER},name")

    assert Player.objects.get().name == name


def test_the_file_itself_may_have_any_name(tmp_path: Path) -> None:
    path = write(tmp_path, "alice,1,2,3", name="pläyers; rm -rf %s [bold].csv")

    assert import_players(path).file_name == path.name

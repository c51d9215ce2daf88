"""Which jurisdiction a player belongs to, by country or by staff's choice."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from core.errors import InvalidInputError, NotFoundError
from players.importing import import_players
from players.jurisdictions import jurisdiction_of, set_jurisdiction
from players.models import CountryName, Jurisdiction, JurisdictionLimit, PlayerJurisdictionChange
from players.tests.factories import make_player

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("country", ["GB", "gbr", "United Kingdom", " great britain ", "UK", "Scotland"])
def test_every_spelling_of_a_country_leads_to_its_jurisdiction(country: str) -> None:
    make_player(country=country)

    assert jurisdiction_of("alice") == "GB"


@pytest.mark.parametrize("country", ["Germany", "de", "", "Wonderland"])
def test_a_country_that_no_profile_claims_is_under_the_neutral_default(country: str) -> None:
    make_player(country=country)

    assert jurisdiction_of("alice") == "DEFAULT"


def test_a_missing_or_unknown_country_can_be_put_under_a_strict_profile() -> None:
    Jurisdiction.objects.filter(pk="GB").update(takes_unknown_countries=True)
    make_player("alice", country="Wonderland")
    make_player("bob")
    make_player("carol", country="Germany")

    assert [jurisdiction_of(name) for name in ("alice", "bob", "carol")] == ["GB", "GB", "DEFAULT"]


def test_staffs_choice_wins_over_the_country() -> None:
    make_player(country="Germany")

    set_jurisdiction(player_id="alice", code="GB", reason="Moved", by=None)
    chosen = jurisdiction_of("alice")
    set_jurisdiction(player_id="alice", code=None, reason="Moved", by=None)

    assert (chosen, jurisdiction_of("alice")) == ("GB", "DEFAULT")
    kept = PlayerJurisdictionChange.objects.values_list("jurisdiction_before", "jurisdiction_after", "reason")
    assert list(kept) == [("GB", "", "Moved"), ("", "GB", "Moved")]


def test_a_file_that_moves_a_player_to_another_jurisdiction_keeps_that_with_file_and_sender(tmp_path: Path) -> None:
    ann = User.objects.create_user("ann")
    make_player("alice", country="Germany")
    make_player("bob")
    make_player("carol", country="Germany", jurisdiction_id="DEFAULT")
    make_player("dave", country="United Kingdom")
    file = tmp_path / "players.csv"
    rows = ["alice,UK", "bob,gb", "carol,GB", "dave,GB", "erin,GB"]
    figures = [f"{row},1,2,3" for row in rows]
    file.write_text("\n".join(["player_id,country,total_deposited,total_wagered,total_won", *figures, ""]))

    import_players(file, created_by=ann)

    kept = PlayerJurisdictionChange.objects.order_by("id").values_list("player_id", "reason", "changed_by__username")
    assert list(kept) == [
        ("alice", "Country: Germany → UK; DEFAULT → GB; file players.csv", "ann"),
        ("bob", "Country: none → gb; DEFAULT → GB; file players.csv", "ann"),
    ]


def test_an_unknown_jurisdiction_or_player_is_refused_by_name() -> None:
    make_player()

    with pytest.raises(NotFoundError, match="one of DEFAULT, GB is needed"):
        set_jurisdiction(player_id="alice", code="XX", reason="Moved", by=None)
    with pytest.raises(NotFoundError, match="no player 'nobody'"):
        jurisdiction_of("nobody")


def test_a_choice_without_a_reason_is_refused() -> None:
    make_player()

    with pytest.raises(InvalidInputError, match="say why"):
        set_jurisdiction(player_id="alice", code="GB", reason=" ", by=None)

    assert jurisdiction_of("alice") == "DEFAULT"


def test_great_britain_and_a_default_that_limits_nothing_are_shipped() -> None:
    kinds = JurisdictionLimit.objects.filter(jurisdiction="GB").values_list("kind", flat=True)

    assert set(kinds) == {
        "WAGERING_REQUIREMENT_MAX",
        "SINGLE_PRODUCT",
        "HARM_BLOCKS_PROMOTION",
        "VIP_NEEDS_APPROVAL",
    }
    assert not JurisdictionLimit.objects.filter(jurisdiction="DEFAULT").exists()
    assert not JurisdictionLimit.objects.filter(clause="").exists()
    assert CountryName.objects.get(pk="germany").code == "DE"

"""Players in the API."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.policies import save_policy
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Player


@pytest.fixture
def staff(db: None) -> ApiUser:
    return ApiUser(cast.make_users()["Loyalty staff"])


def ids(answer: tuple[int, dict[str, list[dict[str, str]]]]) -> list[str]:
    assert answer[0] == 200, answer
    return [row["player_id"] for row in answer[1]["results"]]


def test_a_player_is_shown_with_metrics_balances_and_restrictions(staff: ApiUser) -> None:
    cast.make_bob()
    cast.make_carol()

    _, bob = staff.get("/api/players/bob")
    _, carol = staff.get("/api/players/carol")

    assert bob["metrics"]["total_wagered"] == "15000.00"
    assert bob["metrics"]["net_pnl"] == "-3000.00"
    assert bob["balance"]["bonus_balance"] == "50.00"
    assert bob["balance"]["bonus_wagering_required"] == "500.00"
    assert bob["restrictions"] == []
    assert [restriction["kind"] for restriction in carol["restrictions"]] == ["SELF_EXCLUDED"]
    assert carol["balance"] is None


def test_a_player_is_shown_with_the_control_groups_they_are_in(staff: ApiUser) -> None:
    cast.make_alice()
    cast.make_rule("EXPERIMENT", holdout_percent=100)
    cast.make_rule("EVERYBODY")
    of_rule = {"group": "RULE", "rule_id": "EXPERIMENT"}
    assert staff.get("/api/players/alice")[1]["control_groups"] == [of_rule]

    save_policy(name="GLOBAL_HOLDOUT_PERCENT", value="100", saved_by=None)

    assert staff.get("/api/players/alice")[1]["control_groups"] == [{"group": "GLOBAL", "rule_id": None}, of_rule]


def test_amounts_are_text_and_never_floats(staff: ApiUser) -> None:
    cast.make_alice()

    _, alice = staff.get("/api/players/alice")

    assert not [value for part in ("metrics", "balance") for value in alice[part].values() if isinstance(value, float)]
    assert alice["balance"]["lp_balance"] == "100.00"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["alice", "bob", "carol"]),
        ("segment=VIP", ["carol"]),
        ("segment=VIP,NEW", ["bob", "carol"]),
        ("tier=GOLD", ["bob"]),
        ("country=PT", ["alice"]),
        ("tag=football", ["alice"]),
        ("is_active=false", ["carol"]),
        ("is_blocked=true", []),
        ("risk_score_min=30", ["bob"]),
        ("risk_score_max=30", ["alice", "bob", "carol"]),
        ("total_wagered_min=15000.01", ["bob"]),
        ("net_pnl_min=0", ["bob"]),
        ("search=al", ["alice"]),
        ("search=bob@example.com", ["bob"]),
        ("search=arol", ["carol"]),
        ("ordering=-total_wagered", ["bob", "alice", "carol"]),
        ("ordering=-player_id", ["carol", "bob", "alice"]),
        ("page_size=2", ["alice", "bob"]),
        ("page_size=2&page=2", ["carol"]),
    ],
)
def test_players_are_found_by_filter_search_and_order(staff: ApiUser, query: str, found: list[str]) -> None:
    cast.make_player("alice", country="PT", tags=["football", "poker"])
    bob = cast.make_player("bob", email="bob@example.com", tier="GOLD", risk_score=30)
    cast.make_player("carol", is_active=False)
    Player.objects.filter(pk="bob").update(segment="NEW")
    Player.objects.filter(pk="carol").update(segment="VIP")
    bob.metrics.total_wagered, bob.metrics.net_pnl = 20000, 100
    bob.metrics.save()

    assert ids(staff.get(f"/api/players?{query}")) == found


def test_a_page_says_how_many_there_are_and_where_the_next_is(staff: ApiUser) -> None:
    for name in ("alice", "bob", "carol"):
        cast.make_player(name)

    _, first = staff.get("/api/players?page_size=2&segment=LOSING")

    assert first["count"] == 3
    assert first["previous"] is None
    assert first["next"].endswith("/api/players?page_size=2&segment=LOSING&page=2")


def test_a_list_costs_the_same_queries_however_long_it_is(staff: ApiUser) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            staff.get("/api/players")
        return len(captured)

    cast.make_player("alice")
    few = queries()
    for number in range(20):
        cast.make_player(f"player{number}")

    assert queries() == few


def test_only_the_given_columns_of_a_profile_change(staff: ApiUser) -> None:
    cast.make_player("alice", email="alice@example.com", country="PT")

    status, alice = staff.put("/api/players/alice", {"name": "Alice Silva", "tags": ["a", "b", "a"], "age": 41})

    assert status == 200
    assert (alice["name"], alice["tags"], alice["age"]) == ("Alice Silva", ["a", "b"], 41)
    assert (alice["email"], alice["country"]) == ("alice@example.com", "PT")
    assert alice["profile_depth"] > 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": 7}, "email"),
        ({"age": -1}, "age"),
        ({"age": "41"}, "age"),
        ({"age": True}, "age"),
        ({"age": 99999999999999999999}, "age"),
        ({"is_active": "yes"}, "is_active"),
        ({"tags": "football"}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 61]}, "tags"),
        ({"name": "x" * 256}, "name"),
        ({"registered_on": "2999-01-01"}, "registered_on"),
        ({"registered_on": "tomorrow"}, "registered_on"),
        ({"segment": "VIP"}, "segment"),
        ({"risk_score": 0}, "risk_score"),
        ({"is_blocked": False}, "is_blocked"),
        ({"player_id": "bob"}, "player_id"),
    ],
)
def test_a_profile_refuses_what_cannot_be(staff: ApiUser, change: dict[str, object], field: str) -> None:
    cast.make_player("alice", email="alice@example.com")
    before = Player.objects.values().get(pk="alice")

    answer = staff.put("/api/players/alice", {"name": "Changed", **change})

    assert answer[0] in {400, 422}, answer
    assert error_of(answer)["details"][0]["field"].startswith(field)
    assert Player.objects.values().get(pk="alice") == before


def test_two_players_cannot_have_one_e_mail_address(staff: ApiUser) -> None:
    cast.make_player("alice", email="alice@example.com")
    cast.make_player("bob")

    answer = staff.put("/api/players/bob", {"email": "alice@example.com"})

    assert (answer[0], error_of(answer)["code"]) == (409, "email_taken")


def test_two_players_may_have_no_e_mail_address(staff: ApiUser) -> None:
    cast.make_player("alice", email="alice@example.com")
    cast.make_player("bob")

    assert staff.put("/api/players/alice", {"email": ""})[1]["email"] is None
    assert staff.put("/api/players/bob", {"email": None})[0] == 200


def test_removing_a_player_erases_nothing(staff: ApiUser) -> None:
    cast.make_alice()

    status, body = staff.delete("/api/players/alice")

    assert (status, body) == (204, None)
    assert staff.get("/api/players/alice")[1]["is_active"] is False
    assert staff.get("/api/players/alice")[1]["balance"]["lp_balance"] == "100.00"


def test_a_removed_player_can_be_taken_back(staff: ApiUser) -> None:
    cast.make_alice()
    staff.delete("/api/players/alice")

    assert staff.put("/api/players/alice", {"is_active": True})[1]["is_active"] is True

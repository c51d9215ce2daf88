"""One shape for every error, and every odd request refused clearly with the data as it was."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Player, Tier
from rewards.models import RewardRule

BODIES = {
    "/api/players/alice": "PUT",
    "/api/rules": "POST",
    "/api/rules/CASHBACK": "PUT",
    "/api/rules/CASHBACK/test": "POST",
    "/api/tiers": "POST",
    "/api/batch/process": "POST",
    "/api/wallet/add-lp": "POST",
    "/api/wallet/add-bonus": "POST",
    "/api/token/": "POST",
}
PAGES = (
    "/api/players",
    "/api/players/alice",
    "/api/rules",
    "/api/rules/CASHBACK",
    "/api/tiers",
    "/api/analytics/dashboard",
)


@pytest.fixture
def root(db: None) -> ApiUser:
    user = cast.make_users()["Superuser"]
    cast.make_alice()
    cast.make_rule()
    return ApiUser(user)


def stored() -> list[Any]:
    return [
        list(Player.objects.values().order_by("pk")),
        list(RewardRule.objects.values().order_by("pk")),
        list(Tier.objects.values().order_by("pk")),
    ]


@pytest.mark.parametrize("path", sorted(BODIES))
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, None),
        (b"{", 400, "malformed_request"),
        (b"\xff\xfe", 400, "malformed_request"),
        (b'{"a": NaN}', 400, "malformed_request"),
        (b'{"a": Infinity}', 400, "malformed_request"),
        (b'{"a": 1, "a": 2}', 400, "malformed_request"),
        (b'{"a": "\\u0000"}', 400, "malformed_request"),
        (b'{"a": "\\ud800"}', 400, "malformed_request"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "malformed_request"),
        (b"[" * 100_000, 400, "malformed_request"),
        (b'{"a": "' + b"x" * 10_000_000 + b'"}', 413, "too_large"),
        (b"[]", 400, "invalid_input"),
        (b"7", 400, "invalid_input"),
        (b'"text"', 400, "invalid_input"),
        (b"null", 400, None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_body_that_cannot_be_read_is_refused(
    root: ApiUser, path: str, body: bytes, status: int, code: str | None
) -> None:
    before = stored()

    answer = root.send(BODIES[path], path, body, Idempotency_Key="tests")

    assert answer[0] == status, answer
    assert code in {None, error_of(answer)["code"]}, answer
    assert stored() == before


@pytest.mark.parametrize("path", sorted(set(BODIES) - {"/api/token/"}))
def test_an_unknown_key_is_refused_by_name(root: ApiUser, path: str) -> None:
    before = stored()

    answer = root.send(BODIES[path], path, {"no_such_key": 1}, Idempotency_Key="tests")

    assert answer[0] == 400
    assert "no_such_key" in {detail["field"] for detail in error_of(answer)["details"]}
    assert stored() == before


def test_a_misspelt_key_is_answered_with_the_one_probably_meant(root: ApiUser) -> None:
    error = error_of(root.put("/api/players/alice", {"emial": "a@example.com"}))

    assert error["details"] == [
        {"field": "emial", "message": "This key is not known. Did you mean 'email'?", "code": "unknown_key"}
    ]


def test_a_body_of_another_type_is_refused(root: ApiUser) -> None:
    response = root.client.post("/api/rules", data={"rule_id": "X"}, headers=root.headers)

    assert response.status_code == 415
    assert error_of((415, response.json()))["code"] == "unsupported_media_type"


PACKED = gzip.compress(b'{"rule": {}}', mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding", "status", "message"),
    [
        (PACKED, "br", 415, "The Content-Encoding is 'br': gzip is read, or none."),
        (b"{}", "gzip", 400, "The body is not packed by gzip, as its Content-Encoding says."),
        (PACKED[:-5], "gzip", 400, "The body is packed by gzip and is cut off, or something follows it."),
        (PACKED + b"x", "gzip", 400, "The body is packed by gzip and is cut off, or something follows it."),
        (PACKED, "", 400, "The body is not UTF-8 text: byte 1 cannot be read."),
        (gzip.compress(b" " * 2_000_000), "gzip", 413, "The body is too large: at most 1,048,576 bytes are read."),
    ],
)
def test_a_packed_body_that_cannot_be_unpacked_is_refused(
    root: ApiUser, body: bytes, encoding: str, status: int, message: str
) -> None:
    answer = root.send("POST", "/api/rules/check", body, Content_Encoding=encoding)

    assert (answer[0], error_of(answer)["message"]) == (status, message)


def test_a_body_packed_by_gzip_is_read(root: ApiUser) -> None:
    body = gzip.compress(b'{"no_such_key": 1}')

    answer = root.send("POST", "/api/rules/check", body, Content_Encoding="gzip")

    assert "no_such_key" in {detail["field"] for detail in error_of(answer)["details"]}


@pytest.mark.parametrize("path", PAGES)
def test_an_unknown_parameter_is_refused_by_name(root: ApiUser, path: str) -> None:
    answer = root.get(f"{path}?no_such=1")

    assert answer[0] == 400
    assert error_of(answer)["details"][0]["field"] == "no_such"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("page=0", 400),
        ("page=x", 400),
        ("page=-1", 400),
        ("page=2", 404),
        ("page=99999999999999999999", 400),
        ("page_size=0", 400),
        ("page_size=501", 400),
        ("page=1&page=2", 400),
        ("segment=LUCKY", 400),
        ("segment=", 400),
        ("is_active=perhaps", 400),
        ("risk_score_min=101", 400),
        ("total_wagered_min=abc", 400),
        ("total_wagered_min=NaN", 400),
        ("total_wagered_min=1e400", 400),
        ("last_activity_from=yesterday", 400),
        ("ordering=password", 400),
        ("search=%00", 400),
        ("search=%ff", 200),
    ],
)
def test_a_bad_filter_value_is_refused(root: ApiUser, query: str, status: int) -> None:
    answer = root.get(f"/api/players?{query}")

    assert answer[0] == status, answer
    if status != 200:
        error_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/players/nobody", 404, "not_found"),
        ("PUT", "/api/players/nobody", 404, "not_found"),
        ("DELETE", "/api/players/nobody", 404, "not_found"),
        ("GET", "/api/players/%00", 404, "not_found"),
        ("GET", "/api/rules/NOTHING", 404, "not_found"),
        ("GET", "/api/tiers/99999999999999999999999", 404, "not_found"),
        ("GET", "/api/tiers/gold", 404, "not_found"),
        ("GET", "/api/import/status/0", 404, "not_found"),
        ("GET", "/api/nothing/here", 404, "not_found"),
        ("POST", "/api/nothing/here", 404, "not_found"),
        ("DELETE", "/api/players", 405, "method_not_allowed"),
        ("PATCH", "/api/rules", 405, "method_not_allowed"),
        ("GET", "/api/batch/process", 405, "method_not_allowed"),
        ("GET", "/api/token/", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_said_in_the_one_shape(
    root: ApiUser, method: str, path: str, status: int, code: str
) -> None:
    answer = root.send(method, path, {"name": "Nobody"} if method in {"PUT", "POST", "PATCH"} else None)

    assert (answer[0], error_of(answer)["code"]) == (status, code)


@pytest.mark.parametrize("path", PAGES)
def test_without_a_log_in_nothing_is_shown(root: ApiUser, path: str) -> None:
    answer = ApiUser(None).get(path)

    assert answer[0] == 401
    assert error_of(answer)["code"] == "not_authenticated"


def test_a_missing_log_in_names_the_way_to_log_in(root: ApiUser) -> None:
    assert Client().get("/api/players").headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Bearer a b", "Basic cm9vdDpyb290"])
def test_a_bad_token_is_refused_in_the_one_shape(root: ApiUser, header: str) -> None:
    response = Client().get("/api/players", headers={"Authorization": header})

    assert response.status_code == 401
    error_of((401, response.json()))


def test_a_wrong_password_gets_no_token(root: ApiUser) -> None:
    answer = ApiUser(None).post("/api/token/", {"username": "root", "password": "guess"})

    assert (answer[0], error_of(answer)["code"]) == (401, "no_active_account")


def test_the_right_password_gets_a_token_that_opens_the_doors(root: ApiUser) -> None:
    _, tokens = ApiUser(None).post("/api/token", {"username": "root", "password": cast.PASSWORD})
    _, renewed = ApiUser(None).post("/api/token/refresh", {"refresh": tokens["refresh"]})

    for token in (tokens["access"], renewed["access"]):
        response = Client().get("/api/players", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 200


def test_a_session_works_too_but_not_without_its_csrf_token(root: ApiUser) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="root"))

    seen = client.get("/api/players")
    forged = client.post("/api/tiers", data=json.dumps({}), content_type="application/json")

    assert seen.status_code == 200
    assert (forged.status_code, error_of((403, forged.json()))["code"]) == (403, "permission_denied")


def test_our_own_mistakes_have_the_one_shape_and_tell_nothing(root: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("reporting.api.analytics.dashboard_figures", break_down)

    answer = root.get("/api/analytics/dashboard")

    assert (answer[0], error_of(answer)["code"]) == (500, "server_error")
    assert "42" not in json.dumps(answer[1])


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", PAGES)
def test_paths_work_with_and_without_a_slash_at_the_end(root: ApiUser, path: str, slash: str) -> None:
    assert root.get(path + slash)[0] == 200


def test_the_schema_describes_every_endpoint_once(root: ApiUser) -> None:
    schema = root.client.get("/api/schema/?format=json").json()

    assert set(schema["paths"]) >= {
        "/api/players",
        "/api/players/{player_id}",
        "/api/rules",
        "/api/rules/{rule_id}",
        "/api/rules/{rule_id}/test",
        "/api/tiers",
        "/api/tiers/{tier_id}",
        "/api/import/excel",
        "/api/import/status/{job_id}",
        "/api/batch/process",
        "/api/players/{player_id}/balance",
        "/api/players/{player_id}/bonuses",
        "/api/players/{player_id}/bonuses/{bonus_id}/claim",
        "/api/players/{player_id}/bonuses/{bonus_id}/cancel",
        "/api/bets",
        "/api/bets/{bet_id}",
        "/api/bets/{bet_id}/settle",
        "/api/bets/{bet_id}/void",
        "/api/wallet/deduct",
        "/api/wallet/withdrawals",
        "/api/wallet/reverse",
        "/api/wallet/take-back",
        "/api/wallet/adjust",
        "/api/wallet/add-lp",
        "/api/wallet/add-rp",
        "/api/wallet/add-tickets",
        "/api/wallet/add-bonus",
        "/api/analytics/dashboard",
        "/api/token",
    }
    assert not [path for path in schema["paths"] if path.endswith("/")]


def test_the_documentation_page_opens(root: ApiUser) -> None:
    page = root.client.get("/api/docs/").content.decode()

    assert "cdn" not in page.lower()
    assert "swagger" in page.lower()

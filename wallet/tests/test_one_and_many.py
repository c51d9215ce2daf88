"""The posting core has a path for one posting and one for a set of them: both write and answer the same.

A sequence of steps is done for alice alone, so that every call is of one posting, and from the same start for alice and
bob together, so that every call is of a set. What is left is compared, but for ids and the hashes they are part of.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.expressions import fetch_rows, run_statement
from players.models import CreditPurpose, Player, RestrictionKind
from players.tests.factories import AT, make_alice, make_bob, restrict
from wallet.reconciliation import find_differences

Step = dict[str, Any]

# Rows of other tables are named by key or number, not by id.
_LEFT = {
    "operations": """
        SELECT to_jsonb(o) - '{id,reverses_id}'::text[] || jsonb_build_object('reverses', r.key)
        FROM wallet_operations o LEFT JOIN wallet_operations r ON r.id = o.reverses_id
        WHERE o.player_id = %s ORDER BY o.id""",
    "entries": """
        SELECT to_jsonb(e) - '{id,hash,operation_id}'::text[] || jsonb_build_object('operation', o.key)
        FROM transactions e JOIN wallet_operations o ON o.id = e.operation_id
        WHERE e.player_id = %s ORDER BY e.number""",
    "lots": """
        SELECT to_jsonb(l) - '{id,operation_id}'::text[] || jsonb_build_object('operation', o.key)
        FROM wallet_lots l JOIN wallet_operations o ON o.id = l.operation_id WHERE l.player_id = %s ORDER BY l.id""",
    "movements": """
        SELECT jsonb_build_array(e.number, o.key, m.amount)
        FROM wallet_lot_movements m JOIN transactions e ON e.id = m.entry_id
        JOIN wallet_lots l ON l.id = m.lot_id JOIN wallet_operations o ON o.id = l.operation_id
        WHERE e.player_id = %s ORDER BY e.number, l.id""",
    # A row made for a posting that was then refused bears the clock's time.
    "balance": """
        SELECT to_jsonb(b) - '{id,head_hash,updated_at}'::text[]
               || jsonb_build_object('updated_at', CASE WHEN b.head_number > 0 THEN b.updated_at END)
        FROM loyalty_balances b WHERE b.player_id = %s""",
    "refusals": "SELECT to_jsonb(r) - 'id' FROM wallet_refusals r WHERE r.player_id = %s ORDER BY r.id",
}
_NAMES = """
    SELECT 'operation_id', o.id, o.key FROM wallet_operations o WHERE o.player_id = %s
    UNION ALL SELECT 'entry_id', e.id, e.number::text FROM transactions e WHERE e.player_id = %s
    UNION ALL SELECT 'lot_id', l.id, o.key FROM wallet_lots l JOIN wallet_operations o ON o.id = l.operation_id
    WHERE l.player_id = %s
"""
_POST = """
    SELECT to_jsonb(w) - 'ordinal' FROM wallet_post(
        (SELECT array_agg(jsonb_populate_record(NULL::wallet_posting, x.item) ORDER BY x.ordinality)
         FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY x (item, ordinality)), %s, 'tests', 7) w
    ORDER BY w.ordinal
"""
# What a step says of a posting and the core is not told in so many words.
_RESOLVED = {"do", "lot", "takes_all", "reverses", "available_in", "expires_in"}


class Wallets:
    """Does each step for some players, their postings in one call of the core."""

    def __init__(self, *players: Player) -> None:
        self.players = players
        self.now = AT
        self.asked: list[Step] = []
        self.answers: list[dict[str, Any]] = []

    def do(self, step: Step) -> None:
        match step["do"]:
            case "post":
                self.asked.append({"operation_key": f"operation {len(self.asked)}", **step})
                self._call(self.asked[-1])
            case "wait":
                self.now += timedelta(hours=step["hours"])
            case "restrict":
                for player in self.players:
                    restrict(player, step["kind"])
            case "play":
                self._play(step)
            case again if self.asked:
                asked = self.asked[step["number"] % len(self.asked)]
                self._call(asked if again == "replay" else {**asked, "reference_id": "another"})

    def left(self, player: Player) -> dict[str, Any]:
        """Return everything the steps left of a player, who is called @, and what was answered."""
        rows = {name: [_read(row) for (row,) in fetch_rows(sql, [player.pk])] for name, sql in _LEFT.items()}
        names = {f"{column} {id_}": name for column, id_, name in fetch_rows(_NAMES, [player.pk] * 3)}
        answers = [
            {column: names.get(f"{column} {value}", value) for column, value in answer.get(player.pk, answer).items()}
            for answer in self.answers
        ]
        left: dict[str, Any] = json.loads(json.dumps({"answers": answers, **rows}).replace(player.pk, "@"))
        return left

    def _call(self, asked: Step) -> None:
        rows = [self._row(asked, player.pk) for player in self.players]
        try:
            with transaction.atomic():
                answers = [_read(row) for (row,) in fetch_rows(_POST, [json.dumps(rows), self.now])]
        except DatabaseError as error:
            cause: Any = error.__cause__
            self.answers.append({"error": type(cause).__name__, "constraint": cause.diag.constraint_name})
        else:
            self.answers.append({answer["account_key"]: answer for answer in answers})

    def _row(self, asked: Step, player_id: str) -> Step:
        row = {name: value for name, value in asked.items() if name not in _RESOLVED}
        row |= {"account_key": player_id, "operation_key": f"{asked['operation_key']} of {player_id}"}
        row = {"operation_kind": "TEST", "transaction_type": "REWARD", **row}
        row["input_hash"] = "\\x" + hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        for name in ("available", "expires"):
            hours = asked.get(f"{name}_in")
            row[f"{name}_at"] = None if hours is None else (self.now + timedelta(hours=hours)).isoformat()
        if "lot" in asked:
            row["lot_id"], remaining = self._lot(player_id, asked["lot"])
            row["amount"] = str(-remaining) if asked.get("takes_all") else asked["amount"]
        if "reverses" in asked:
            key = f"operation {asked['reverses']} of {player_id}"
            found = fetch_rows("SELECT id FROM wallet_operations WHERE key = %s", [key])
            row["reverses_id"] = found[0][0] if found else None
        return row

    def _lot(self, player_id: str, number: int) -> tuple[int, Decimal]:
        """Return one of a player's lots, counted from 0 and over again, or one nobody has."""
        lots = fetch_rows("SELECT id, remaining FROM wallet_lots WHERE player_id = %s ORDER BY id", [player_id])
        return lots[number % len(lots)] if lots else (0, Decimal(1))

    def _play(self, step: Step) -> None:
        """Do to a bonus what bets do: count stakes, leave bets open or settle them, and carry the lots on."""
        for player in self.players:
            lot_id, _ = self._lot(player.pk, step["lot"])
            run_statement(
                "UPDATE wallet_lots SET open_bets = %s, wagering_completed = wagering_required * %s WHERE id = %s "
                "AND currency_type = 'BONUS' AND status = 'ACTIVE'",
                [step["open_bets"], step["share"], lot_id],
            )
        run_statement("SELECT wallet_settle_lots(%s::varchar[], %s)", [[one.pk for one in self.players], self.now])


def _read(row: Any) -> Any:
    return json.loads(row) if isinstance(row, str) else row


def _amounts(currency: str) -> st.SearchStrategy[str]:
    return st.integers(1, 30).map(lambda units: f"{units}.00" if currency == "TICKETS" else f"{units}.{units:02}")


MONEY = st.integers(0, 50).map(lambda units: f"{units}.50")
HOURS = st.none() | st.integers(-2, 30)
GAMES = st.sampled_from([["slots"], ["poker", "slots"]])
_TURNS = {"takes_turn": st.just(True), "active_hours": st.integers(1, 20)}
_CONDITIONS = {
    "wagering_required": MONEY,
    "max_bet": MONEY,
    "eligible_games": GAMES,
    "expires_in": st.integers(1, 30),
}
_REST = {
    "available_in": HOURS,
    "expires_in": HOURS,
    "awaits": st.just("CLAIM"),
    "wagering_basis": st.just("DEPOSIT_AND_BONUS"),
    "max_conversion": MONEY,
    "promotional_value": MONEY,
    "expected_cost": MONEY,
    "rule_number": st.just(3),
    "decision_id": st.just(4),
    "description": st.just("It's | quoted \\"),
    "reference_id": st.just("reference"),
    "metadata": st.just({"by": "hand"}),
    "transaction_type": st.just("BONUS_CONVERTED"),
    "reverses": st.integers(0, 5),
}
TERMS = st.one_of(
    st.fixed_dictionaries({}, optional=_CONDITIONS),
    st.fixed_dictionaries({}, optional={**_CONDITIONS, "available_in": HOURS}),
    st.fixed_dictionaries(_TURNS, optional={**_CONDITIONS, "available_in": HOURS}),
    st.fixed_dictionaries(
        {"purpose": st.sampled_from(CreditPurpose.values)}, optional={**_CONDITIONS, **_TURNS, **_REST}
    ),
)
NO_LOT: st.SearchStrategy[Step] = st.just({})
CREDITED_LOT = NO_LOT | st.sampled_from("ab").map(lambda key: {"share_key": key})
NAMED_LOT = st.integers(0, 5).map(lambda number: {"lot": number})
TAKEN_LOT = st.fixed_dictionaries(
    {"lot": st.integers(0, 5), "takes_all": st.booleans()},
    optional={
        "lot_status_after": st.sampled_from(["EXPIRED", "FORFEITED", "CANCELLED"]),
        "end_reason": st.just("Taken back"),
        "promotional_value": st.just("0.00"),
        "transaction_type": st.just("BONUS_CONVERTED"),
        "purpose": st.sampled_from(CreditPurpose.values),
    },
)


@st.composite
def _postings(draw: st.DrawFn) -> Step:
    currency = draw(st.just("BONUS") | st.sampled_from(["LP", "RP", "BONUS", "TICKETS"]))
    amount = draw(_amounts(currency))
    asked: Step = {"do": "post", "currency_type": currency, "granted_on": "2025-12-21"}
    if draw(st.booleans()):
        asked |= {"purpose": "PROMOTION", "lot_kind": "MANUAL"}
        return {**asked, "amount": amount, **draw(TERMS), **draw(CREDITED_LOT | CREDITED_LOT | NAMED_LOT)}
    return {**asked, "amount": f"-{amount}", "purpose": "SPEND", **draw(NO_LOT | TAKEN_LOT)}


def _malformed(amount: str, **fields: Any) -> Step:
    asked = {"do": "post", "currency_type": "LP", "granted_on": "2025-12-21", "purpose": "EARNED", "lot_kind": "MANUAL"}
    return {**asked, "amount": amount, **fields}


OTHER_STEPS = st.one_of(
    st.fixed_dictionaries({"do": st.sampled_from(["replay", "reuse"]), "number": st.integers(0, 9)}),
    st.fixed_dictionaries({"do": st.just("wait"), "hours": st.integers(1, 12)}),
    st.fixed_dictionaries({"do": st.just("restrict"), "kind": st.sampled_from(RestrictionKind.values)}),
    st.fixed_dictionaries(
        {
            "do": st.just("play"),
            "lot": st.integers(0, 5),
            "open_bets": st.integers(0, 1),
            "share": st.sampled_from([0, 1]),
        }
    ),
    st.sampled_from(
        [
            _malformed("0.00"),
            _malformed("NaN"),
            _malformed("1.005"),
            _malformed("1.00", purpose="NOBODY_KNOWS"),
            _malformed("0.50", currency_type="TICKETS"),
            _malformed("1.00", lot_kind="NO_KIND"),
        ]
    ),
)
STEPS = st.lists(st.one_of(_postings(), _postings(), OTHER_STEPS), min_size=2, max_size=14)


def _left_by(steps: list[Step], *players: Player) -> list[dict[str, Any]]:
    with transaction.atomic():
        wallets = Wallets(*players)
        for step in steps:
            wallets.do(step)
        # The bets that these steps leave open are nobody's.
        assert [found for found in find_differences()[1] if not found.check.startswith("open bets")] == []
        left = [wallets.left(player) for player in players]
        transaction.set_rollback(True)
    return left


def check_that_one_and_many_agree(steps: list[Step]) -> None:
    """Compare what is left of alice alone with what is left of alice and of bob together."""
    with transaction.atomic():
        alice, bob = make_alice(), make_bob()
        (one,) = _left_by(steps, alice)
        for many in _left_by(steps, alice, bob):
            for name, rows in one.items():
                assert many[name] == rows, name
        transaction.set_rollback(True)


def _bonus(**terms: Any) -> Step:
    asked = {"do": "post", "currency_type": "BONUS", "granted_on": "2025-12-21", "purpose": "PROMOTION"}
    return {**asked, "lot_kind": "MANUAL", "amount": "5.00", **terms}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([_bonus(), {"do": "replay", "number": 0}], id="a replay"),
        pytest.param([_bonus(), _bonus(active_hours=1, lot=0)], id="hours of a named lot that is active already"),
        pytest.param(
            [_bonus(share_key="a"), _bonus(share_key="a", wagering_required="9.00")], id="terms added by share"
        ),
        pytest.param([_bonus(), _bonus(transaction_type="BONUS_CONVERTED", lot=0)], id="a credit said to be converted"),
        pytest.param([_bonus(awaits="CLAIM"), _bonus(eligible_games=["slots"])], id="games beside a pending bonus"),
        pytest.param(
            [
                _bonus(eligible_games=["poker"]),
                {"do": "play", "lot": 0, "open_bets": 1, "share": 0},
                _bonus(amount="-5.00", purpose="SPEND"),
                _bonus(eligible_games=["slots"]),
            ],
            id="games beside a bonus that is all at stake",
        ),
    ],
)
def test_one_and_many_agree_on(steps: list[Step]) -> None:
    check_that_one_and_many_agree(steps)


@pytest.mark.django_db
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_one_posting_at_a_time_and_a_set_of_them_leave_and_answer_the_same(steps: list[Step]) -> None:
    check_that_one_and_many_agree(steps)

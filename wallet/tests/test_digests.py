"""Exported digests: what the ledger said can be proved later, and whoever rewrites it is named."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from players.tests.factories import make_player
from wallet.digests import (
    DigestFileError,
    DigestFolderError,
    DigestStoredError,
    LedgerRewrittenError,
    export_digest,
    heads_path,
    store_digest,
    verify_digest,
)
from wallet.models import LedgerEntry, LoyaltyBalance
from wallet.tests.factories import ON, credit, make_alice, make_bob_with_bonus, make_carol
from wallet.tests.test_reconciliation import REHASH, REHEAD, corrupt

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ledger() -> None:
    """Alice has two entries, bob has one, carol none."""
    make_alice()
    make_carol()
    credit("alice", "10.00", key="a")
    credit("alice", "20.00", currency="RP", key="b")
    make_bob_with_bonus()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export_digest(on=ON, folder=tmp_path)
    return heads_path(on=ON, folder=tmp_path)


def description(heads: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(description_path(heads).read_text())
    return described


def description_path(heads: Path) -> Path:
    return heads.with_name("ledger-heads-2025-12-21.json")


def rewrite_file(heads: Path, change: Callable[[str], str], **described: Any) -> None:
    """Change the heads as somebody would who can write both files: with the digest that belongs to them."""
    text = change(gzip.decompress(heads.read_bytes()).decode())
    heads.write_bytes(gzip.compress(text.encode()))
    digest = hashlib.sha256(text.encode()).hexdigest()
    description_path(heads).write_text(json.dumps({**description(heads), "digest": digest, **described}))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, no_color=True)
    return out.getvalue().strip()


def test_the_file_holds_the_head_of_every_player_with_entries(exported: Path) -> None:
    heads = {
        b.player_id: bytes(b.head_hash).hex() for b in LoyaltyBalance.objects.filter(head_number__gt=0) if b.head_hash
    }

    assert gzip.decompress(exported.read_bytes()).decode().splitlines() == [
        "player_id,number,hash",
        f"alice,2,{heads['alice']}",
        f"bob,1,{heads['bob']}",
    ]


def test_the_json_says_what_an_auditor_can_repeat_with_two_ordinary_programs(exported: Path) -> None:
    described = description(exported)

    assert described["digest"] == hashlib.sha256(gzip.decompress(exported.read_bytes())).hexdigest()
    assert (described["date"], described["players"], described["entries"]) == ("2025-12-21", 2, 3)
    assert described["file"] == "ledger-heads-2025-12-21.csv.gz"
    assert "zcat FILE | sha256sum" in described["computed"]


def test_the_stored_digest_is_that_of_the_file(tmp_path: Path) -> None:
    stored = store_digest(on=ON, heads=export_digest(on=ON, folder=tmp_path))

    assert bytes(stored.digest).hex() == description(heads_path(on=ON, folder=tmp_path))["digest"]
    assert bytes(store_digest(on=ON).digest) == bytes(stored.digest)


def test_the_same_heads_give_the_same_file_and_nothing_else_is_left_behind(exported: Path, tmp_path: Path) -> None:
    first = exported.read_bytes()

    export_digest(on=ON, folder=tmp_path)

    assert exported.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ledger-heads-2025-12-21.csv.gz",
        "ledger-heads-2025-12-21.json",
    ]


def test_a_ledger_that_only_grew_still_proves_an_earlier_digest(exported: Path) -> None:
    credit("alice", "1.00", key="later")
    make_player("dora")
    credit("dora", "1.00", key="new")

    proved = verify_digest(exported)

    assert (proved.players, proved.entries, proved.is_stored) == (2, 3, None)


def test_a_player_id_with_quotes_and_commas_is_proved_too(tmp_path: Path) -> None:
    make_player('d"or,a')
    credit('d"or,a', "1.00", key="odd")

    heads = export_digest(on=ON, folder=tmp_path)

    assert (heads.players, heads.entries) == (3, 4)
    assert verify_digest(heads_path(on=ON, folder=tmp_path)).players == 3


def test_a_row_rewritten_with_all_hashes_after_it_is_named(exported: Path) -> None:
    corrupt("UPDATE transactions SET description = 'x' WHERE player_id = 'alice' AND number = 1", REHASH, REHEAD)

    with pytest.raises(LedgerRewrittenError, match="player alice, entry 2: the digest of 2025-12-21 says hash "):
        verify_digest(exported)


def test_a_head_that_is_gone_is_named(exported: Path) -> None:
    corrupt("DELETE FROM transactions WHERE player_id = 'bob'")

    with pytest.raises(LedgerRewrittenError, match=r"player bob, entry 1: .* the ledger has no such entry"):
        verify_digest(exported)


def test_a_head_nobody_posted_is_named_although_the_file_is_consistent(exported: Path) -> None:
    rewrite_file(exported, lambda text: text.replace("bob,1,", "bob,9,"), entries=11)

    with pytest.raises(LedgerRewrittenError, match="player bob, entry 9"):
        verify_digest(exported)


def test_a_file_that_is_not_what_its_json_says_is_refused(exported: Path) -> None:
    exported.write_bytes(gzip.compress(b"player_id,number,hash\n"))

    with pytest.raises(DigestFileError, match=r"has the digest .* its JSON says"):
        verify_digest(exported)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "cannot be read"),
        (lambda path: path.write_bytes(b"no gzip"), "cannot be read"),
        (Path.unlink, "cannot be read"),
        (lambda path: description_path(path).unlink(), "does not describe an exported digest"),
        (lambda path: description_path(path).write_text("[]"), "does not describe an exported digest"),
        (lambda path: description_path(path).write_text('{"date": "2025-12-21"}'), "does not describe"),
        (lambda path: rewrite_file(path, lambda text: text.replace("number", "numbre")), "does not hold player_id"),
        (lambda path: rewrite_file(path, lambda text: text.replace("bob,1,", "bob,one,")), "does not hold player_id"),
        (lambda path: rewrite_file(path, lambda text: text, players=7), "holds 2 players and 3 entries"),
    ],
)
def test_a_damaged_file_is_refused_by_what_is_wrong_with_it(
    exported: Path, damage: Callable[[Path], Any], complaint: str
) -> None:
    damage(exported)

    with pytest.raises(DigestFileError, match=complaint):
        verify_digest(exported)


def test_the_file_of_a_stored_digest_is_not_replaced_by_another(exported: Path, tmp_path: Path) -> None:
    store_digest(on=ON)
    before = exported.read_bytes()
    credit("alice", "1.00", key="later")

    with pytest.raises(DigestStoredError, match=r"2025-12-21 \(3 entries\); the ledger has 4 entries"):
        export_digest(on=ON, folder=tmp_path)
    assert exported.read_bytes() == before
    assert export_digest(on=ON, folder=tmp_path / "another").entries == 4


def test_an_export_that_was_not_stored_is_replaced(exported: Path, tmp_path: Path) -> None:
    """As by a night that died after writing its files and is started again."""
    credit("alice", "1.00", key="later")

    export_digest(on=ON, folder=tmp_path)

    assert description(exported)["entries"] == 4
    assert verify_digest(exported).entries == 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DigestFolderError, match="LEDGER_DIGEST_FOLDER must name a folder"):
        export_digest(on=ON, folder=tmp_path / "file")


def test_verifying_costs_the_same_number_of_statements_for_more_players(tmp_path: Path) -> None:
    def statements(day: int) -> int:
        export_digest(on=ON + timedelta(days=day), folder=tmp_path)
        with CaptureQueriesContext(connection) as captured:
            verify_digest(heads_path(on=ON + timedelta(days=day), folder=tmp_path))
        return len(captured)

    few = statements(0)
    for number in range(20):
        make_player(f"player{number}")
        credit(f"player{number}", "1.00", key=f"more:{number}")

    assert statements(1) == few


def test_the_commands_export_and_prove(tmp_path: Path) -> None:
    digest = bytes(store_digest(on=ON).digest).hex()

    said = run("export_digest", "--on", "2025-12-21", "--to", str(tmp_path))
    proved = run("verify_digest", str(heads_path(on=ON, folder=tmp_path)))

    assert said == f"{tmp_path}/ledger-heads-2025-12-21.csv.gz: 2 players, 3 entries, {digest}"
    assert proved == (
        "Every head of 2025-12-21 is in the ledger: 2 players, 3 entries. "
        f"Its digest is the one stored for the date: {digest}"
    )


def test_the_commands_end_with_an_error_that_names_what_is_wrong(exported: Path) -> None:
    with pytest.raises(CommandError, match=r"--on is '21\.12\.2025': a date such as 2025-12-21 is needed"):
        run("export_digest", "--on", "21.12.2025")
    corrupt("DELETE FROM transactions WHERE player_id = 'bob'")
    with pytest.raises(CommandError, match="player bob, entry 1"):
        run("verify_digest", str(exported))
    assert LedgerEntry.objects.count() == 2

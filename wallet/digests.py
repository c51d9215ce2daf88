"""The digest of all heads: what the ledger said at the end of a date, stored here and exported for auditors.

The digest is the SHA-256 of the uncompressed file of heads, header included, so `zcat FILE | sha256sum` repeats it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg import DataError

from core.errors import ConflictError, LoyaltyError
from core.expressions import fetch_rows, run_statement
from wallet.models import LedgerDigest

HEADINGS = ["player_id", "number", "hash"]
COMPUTED_AS = (
    "digest = SHA-256 of the uncompressed file, header included (zcat FILE | sha256sum); one line per player with the "
    "number and the hash, hexadecimal, of the player's last ledger entry, in byte order of player_id"
)
_HEADS_ENDING = ".csv.gz"
_COMPRESSION_LEVEL = 1  # hashes hardly compress
_BLOCK_BYTES = 1 << 20


class DigestFolderError(LoyaltyError):
    """Raised when the folder of digests cannot be written; names the folder and the reason."""

    code = "digest_folder_unusable"
    status = 500


class DigestStoredError(ConflictError):
    """Raised when an export would replace the file that belongs to a stored digest by another one."""

    code = "digest_stored"


class DigestFileError(LoyaltyError):
    """Raised when an exported file cannot be read, or is not what the JSON beside it says."""

    code = "digest_file_invalid"


class LedgerRewrittenError(LoyaltyError):
    """Raised when an exported head is not in the ledger any more; names the first one."""

    code = "ledger_rewritten"
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsDigest:
    """The digest over all heads and how much stands behind it; `entries` is the sum of the heads' numbers."""

    digest: bytes
    players: int
    entries: int
    last_entry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDigest:
    """What an exported file proves; `is_stored` is None where the date has no digest in the database."""

    on: date
    digest: str
    players: int
    entries: int
    is_stored: bool | None


def store_digest(*, on: date, run_id: int | None = None, heads: HeadsDigest | None = None) -> LedgerDigest:
    """Store the digest over all heads as the proof of what the ledger said at the end of a date.

    `heads` is what an export of this moment has already computed.
    """
    found = heads or _read_heads(lambda _: None)
    stored, _ = LedgerDigest.objects.update_or_create(
        on=on,
        defaults={
            "digest": found.digest,
            "players": found.players,
            "entries": found.entries,
            "last_entry_id": found.last_entry_id,
            "run_id": run_id,
        },
    )
    return stored


def last_digest_at() -> datetime | None:
    """Return when the last digest was stored: what a nightly check can start from."""
    return LedgerDigest.objects.order_by("-created_at").values_list("created_at", flat=True).first()


def heads_path(*, on: date, folder: Path) -> Path:
    """Return where the heads of a date are exported to; the JSON lies beside it."""
    return folder / f"ledger-heads-{on}{_HEADS_ENDING}"


def export_digest(*, on: date, folder: Path) -> HeadsDigest:
    """Write the heads as they are now, with their digest beside them, as those of a date; return the digest.

    Both files appear whole or not at all. Raises DigestFolderError, and DigestStoredError where the folder holds the
    file of the date's stored digest and the ledger has moved on since.
    """
    target = heads_path(on=on, folder=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as file:
            heads = _write_heads(file)
            _check_replaceable(target, on=on, heads=heads)
        with _replacing(_description_path(target)) as file:
            file.write(_description_text(target, on=on, heads=heads))
    except OSError as error:
        raise DigestFolderError(
            f"the ledger's digest of {on} cannot be written to {folder}: {error}; LEDGER_DIGEST_FOLDER must name a "
            "folder that this process may write to",
            folder=str(folder),
        ) from error
    return heads


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `target` that takes its place once it is whole and on the disk."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _write_heads(file: IO[bytes]) -> HeadsDigest:
    # Without a time in its header, the same heads give the same file.
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_COMPRESSION_LEVEL, mtime=0) as packed,
        io.BufferedWriter(packed, _BLOCK_BYTES) as lines,
    ):
        return _read_heads(lines.write)


def _read_heads(take: Callable[[bytes], object]) -> HeadsDigest:
    """Hand the file of heads to `take`, line by line, and return its digest; memory does not grow with the players."""
    digest = hashlib.sha256()
    players, entries = -1, 0  # the first line is the header
    last_entry_id = fetch_rows("SELECT coalesce(max(id), 0) FROM transactions", [])[0][0]
    # COPY sends one message per row, as PostgreSQL's protocol promises.
    with connection.cursor() as cursor, cursor.copy(_HEADS_SQL) as rows:
        for row in rows:
            line = bytes(row)
            digest.update(line)
            take(line)
            entries += int(line.rsplit(b",", 2)[1]) if players >= 0 else 0
            players += 1
    return HeadsDigest(digest=digest.digest(), players=players, entries=entries, last_entry_id=last_entry_id)


_HEADS_SQL = """
    COPY (
        SELECT player_id, head_number AS number, encode(head_hash, 'hex') AS hash
        FROM loyalty_balances WHERE head_number > 0 ORDER BY player_id COLLATE "C"
    ) TO STDOUT (FORMAT csv, HEADER)
"""


def _check_replaceable(target: Path, *, on: date, heads: HeadsDigest) -> None:
    stored = LedgerDigest.objects.filter(on=on).first()
    if stored is None or bytes(stored.digest) == heads.digest or not target.exists():
        return
    if _description_path(target).exists() and _description(target)["digest"] == bytes(stored.digest).hex():
        raise DigestStoredError(
            f"{target} is the file of the digest stored for {on} ({stored.entries} entries); the ledger has "
            f"{heads.entries} entries now, so the export needs another folder or another date",
            stored=stored.entries,
            found=heads.entries,
        )


def _description_text(target: Path, *, on: date, heads: HeadsDigest) -> bytes:
    described = {
        "date": on.isoformat(),
        "file": target.name,
        "digest": heads.digest.hex(),
        "players": heads.players,
        "entries": heads.entries,
        "exported_at": timezone.now().isoformat(),
        "computed": COMPUTED_AS,
    }
    return (json.dumps(described, indent=2) + "\n").encode()


def _description_path(heads: Path) -> Path:
    return heads.with_name(heads.name.removesuffix(_HEADS_ENDING) + ".json")


def _description(heads: Path) -> dict[str, Any]:
    """Return what the JSON beside a file of heads says. Raises DigestFileError."""
    path = _description_path(heads)
    try:
        described = json.loads(path.read_text())
        date.fromisoformat(described["date"])
        return {
            "date": str(described["date"]),
            "digest": str(described["digest"]),
            "players": int(described["players"]),
            "entries": int(described["entries"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DigestFileError(f"{path} does not describe an exported digest: {error!r}") from error


def verify_digest(path: Path) -> VerifiedDigest:
    """Prove that every exported head is still in the ledger, with that number and that hash.

    Raises DigestFileError where the file is not what its JSON says, LedgerRewrittenError naming the first difference.
    """
    described = _description(path)
    _check_digest(path, expected=described["digest"])
    with transaction.atomic():
        players, entries = _load_heads(path)
        if (players, entries) != (described["players"], described["entries"]):
            raise DigestFileError(
                f"{path} holds {players} players and {entries} entries, its JSON says {described['players']} and "
                f"{described['entries']}"
            )
        for difference in fetch_rows(_MISSING_HEADS_SQL, []):
            raise _rewritten(*difference, on=described["date"])
    on = date.fromisoformat(described["date"])
    stored = LedgerDigest.objects.filter(on=on).first()
    return VerifiedDigest(
        on=on,
        digest=described["digest"],
        players=players,
        entries=entries,
        is_stored=bytes(stored.digest).hex() == described["digest"] if stored else None,
    )


def _check_digest(path: Path, *, expected: str) -> None:
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    if digest.hexdigest() != expected:
        raise DigestFileError(f"{path} has the digest {digest.hexdigest()}, its JSON says {expected}")


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the uncompressed file. Raises DigestFileError."""
    try:
        with gzip.open(path) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise DigestFileError(f"{path} cannot be read: {error}") from error


def _load_heads(path: Path) -> tuple[int, int]:
    """Copy the heads into a temporary table of this transaction; return their count and the sum of their numbers."""
    run_statement("DROP TABLE IF EXISTS pg_temp.exported_heads", [])
    run_statement(
        'CREATE TEMPORARY TABLE exported_heads (player_id varchar COLLATE "C", number bigint, hash varchar) '
        "ON COMMIT DROP",
        [],
    )
    try:
        with connection.cursor() as cursor, cursor.copy(_LOAD_SQL) as lines:
            for block in _blocks(path):
                lines.write(block)
    except DataError as error:
        raise DigestFileError(f"{path} does not hold {', '.join(HEADINGS)}: {error}") from error
    run_statement("ANALYZE exported_heads", [])
    players, entries = fetch_rows("SELECT count(*), coalesce(sum(number), 0)::bigint FROM exported_heads", [])[0]
    return players, entries


_LOAD_SQL = "COPY exported_heads FROM STDIN (FORMAT csv, HEADER MATCH)"
_MISSING_HEADS_SQL = """
    SELECT h.player_id, h.number, h.hash, encode(t.hash, 'hex')
    FROM exported_heads h LEFT JOIN transactions t ON t.player_id = h.player_id AND t.number = h.number
    WHERE encode(t.hash, 'hex') IS DISTINCT FROM h.hash
    ORDER BY h.player_id LIMIT 1
"""


def _rewritten(player_id: str, number: int, exported: str, found: str | None, *, on: str) -> LedgerRewrittenError:
    return LedgerRewrittenError(
        f"player {player_id}, entry {number}: the digest of {on} says hash {exported}, the ledger "
        + (f"says {found}" if found else "has no such entry"),
        player_id=player_id,
        number=number,
    )

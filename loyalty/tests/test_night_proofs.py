"""What a night leaves behind as proof: the liability of its date and the exported heads of the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from core.models import Run, RunStatus
from core.runs import step_counts
from loyalty.pipeline import open_night, work_on_night
from reporting.liability import LiabilityDifferenceError
from reporting.models import DailySummary, LiabilityDay
from wallet.digests import DigestFolderError, heads_path, verify_digest
from wallet.models import LedgerDigest
from wallet.tests.factories import credit, make_alice
from wallet.tests.test_reconciliation import corrupt

pytestmark = pytest.mark.django_db

ON = date(2025, 12, 21)


@pytest.fixture(autouse=True)
def house(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_DIGEST_FOLDER = tmp_path / "digests"
    make_alice()
    credit("alice", "10.00", key="a", at=datetime(2025, 12, 21, 12, tzinfo=UTC))


def night() -> Run:
    return work_on_night(open_night(business_date=ON))


def test_a_night_exports_the_heads_it_stores_the_digest_of(tmp_path: Path) -> None:
    night()

    proved = verify_digest(heads_path(on=ON, folder=tmp_path / "digests"))

    assert (proved.on, proved.players, proved.entries, proved.is_stored) == (ON, 1, 1, True)


def test_a_night_writes_the_liability_of_its_date() -> None:
    run = night()

    row = LiabilityDay.objects.get(on=ON, currency_type="LP")
    assert (str(row.opening), str(row.issued), str(row.closing), row.run_id) == ("0.00", "10.00", "10.00", run.pk)
    assert step_counts(run)["daily facts"] == {"liability rows": 4, "liability rows revised": 0}


def test_a_liability_that_does_not_close_fails_the_night_before_anything_is_exported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the ledger's own proof left out, which would have found it a step before."""
    monkeypatch.setattr("loyalty.pipeline.reconcile", lambda **_: {})
    corrupt("UPDATE loyalty_balances SET lp_balance = 11 WHERE player_id = 'alice'")
    run = open_night(business_date=ON)

    with pytest.raises(LiabilityDifferenceError):
        work_on_night(run)

    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert "make 11.00, a difference of 1.00" in run.error
    assert not (tmp_path / "digests").exists()
    assert (LedgerDigest.objects.count(), DailySummary.objects.count(), LiabilityDay.objects.count()) == (0, 0, 0)


def test_a_folder_that_cannot_be_written_fails_the_night_which_goes_on_there_once_it_can(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "digests").write_text("a file, no folder")
    with pytest.raises(DigestFolderError, match="LEDGER_DIGEST_FOLDER"):
        night()
    assert LedgerDigest.objects.count() == 0
    (tmp_path / "digests").unlink()

    assert night().status == RunStatus.SUCCEEDED

    assert verify_digest(heads_path(on=ON, folder=tmp_path / "digests")).is_stored

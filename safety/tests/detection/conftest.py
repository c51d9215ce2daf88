"""What tests of judgements need."""

from __future__ import annotations

import pytest

from core.expressions import run_statement


@pytest.fixture
def outcomes(db: None) -> None:
    """Have the column that judgements are read from, where the schema does not have it."""
    run_statement("ALTER TABLE abuse_signals ADD COLUMN IF NOT EXISTS outcome varchar(10) NOT NULL DEFAULT ''", [])

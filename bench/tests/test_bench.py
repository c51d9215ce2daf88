import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measuring import Line, Memory, Peer, Verdict, Yardstick, per_second, percentile_95
from bench.rules import RULES, BenchRule
from core.environment import PROJECT_FOLDER
from loyalty.tests import template_database
from rewards.conditions import AnyOf, comparisons, parse_conditions
from rewards.definitions import define_rule
from rewards.models import RewardRule

PLAYERS = 400
SECONDS_MAX = 900  # half a minute by itself; a machine that others use has taken ten times that
# The suffix makes the databases the test run's own, so that those of a killed run are dropped by the next.
DATABASES = f"{os.environ['TEST_DATABASE_NAME'].partition('_gw')[0]}_b"


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_MAX)
def test_every_work_runs_and_a_table_of_every_promise_comes_out(tmp_path: Path) -> None:
    results = tmp_path / "results.md"
    template_database.copy_to(f"{DATABASES}_migrated")

    finished = _run_bench("--players", str(PLAYERS), "--results", str(results))

    assert finished.returncode == 0, finished.stderr[-3000:]
    table = results.read_text()
    for work in (
        "CSV import end to end, all new",
        f".xlsx of {PLAYERS} rows, read and validated",
        "segmentation, nothing changed",
        "segmentation, all changed",
        "50 rules evaluated, matches stored",
        "rewards posted in bulk",
        "a whole night",
        "the second night",
        f"a whole night, from {PLAYERS // 10} to {PLAYERS} players",
        "detection judged: SHARED_DEVICE",
        "detection: ABNORMAL_WIN_RATE",
        "detection of one player, live",
        "back-test, 30 days × 10 rules",
        f"back-test of {PLAYERS} players",
        "an action, 50 live rules, 0 pay(s)",
        "an action, 50 live rules, 1 pay(s)",
        "floor: API answer, p95",
        "floor: query, p95",
        "one posting, a call and a transaction, 8 clients",
        "one posting through post_operation, 8 threads of one Python",
        "one hot player, 16 clients",
        "lots credited in bulk",
        "lots expired in bulk",
        "the ledger proved",
        "a balance read, p95",
        "first page of a statement of 1,000 entries",
    ):
        assert f"| {work} |" in table
    assert "zen-engine" in table
    assert "django-import-export" in table
    assert "a per-player ORM loop" in table
    assert "shared_buffers" in table


def test_a_name_that_is_no_work_is_refused_before_anything_starts() -> None:
    finished = _run_bench("--only", "nigth")

    assert finished.returncode == 2
    assert "'nigth' is no work" in finished.stderr


def test_the_rules_are_as_mixed_as_promised() -> None:
    trees = [parse_conditions(rule.conditions)[0] for rule in RULES]

    assert len(RULES) == 50
    assert sum(any(found.field.window_days for found in comparisons(tree)) for tree in trees) >= 10
    assert sum(not {"all", "any", "not"}.isdisjoint(rule.conditions) for rule in RULES) >= 10
    assert sum(rule.daily_budget is not None or rule.total_budget is not None for rule in RULES) >= 5
    assert {rule.holdout_percent for rule in RULES} == {5}
    assert len({rule.group for rule in RULES}) >= 3
    assert any(isinstance(member, AnyOf) for tree in trees for member in getattr(tree, "members", ()))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_every_rule_would_be_saved(rule: BenchRule) -> None:
    _, problems = define_rule(RewardRule(rule_id=rule.rule_id, number=1, **rule.columns(players=1000)))

    assert problems == []


def test_a_promise_is_kept_only_if_all_its_parts_are() -> None:
    kept = Line(work="w", seconds=2.0, rate="", limit=Yardstick(name="y", seconds=1.0, times=3))
    too_slow = Line(work="w", seconds=3.1, rate="", limit=Yardstick(name="y", seconds=1.0, times=3))
    peer_too_near = Line(
        work="w",
        seconds=2.0,
        rate="",
        limit=Yardstick(name="y", seconds=1.0, times=3),
        peer=Peer(name="p", seconds=10.0, times=6),
    )
    too_large = Line(work="w", seconds=2.0, rate="", memory=Memory(megabytes=400, most=400))

    assert kept.verdict is Verdict.MET
    assert kept.limit_ratio == 2.0
    assert too_slow.verdict is Verdict.MISSED
    assert peer_too_near.peer_ratio == 5.0
    assert peer_too_near.verdict is Verdict.MISSED
    assert too_large.verdict is Verdict.MISSED
    assert Line(work="w", seconds=1.0, rate="").verdict is Verdict.SHOWN


def test_figures_are_written_for_people() -> None:
    assert per_second(12_345_678, seconds=1.0, unit="evaluations") == "12.3 M evaluations/s"
    assert per_second(20_000, seconds=2.0, unit="rewards") == "10,000 rewards/s"
    assert percentile_95([float(number) for number in range(1, 101)]) == 96.0


def _run_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "--database", DATABASES, *arguments],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX - 20,
        check=False,
    )

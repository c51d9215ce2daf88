"""The sample players that a fresh house is opened with."""

from datetime import date

from django.utils import timezone

from core.environment import PROJECT_FOLDER
from players.importing import ImportOptions, import_players
from players.models import ImportJob, ImportJobStatus, Player

# The day after the last play in the sample: "seven days since the last deposit" means something then.
SAMPLE_DATE = date(2025, 12, 21)
SAMPLE_FILE = PROJECT_FOLDER / "fixtures" / "sample_players.xlsx"


def import_sample_players() -> str:
    """Import the sample through the same door as everybody's files; a house that has players is left alone."""
    if Player.objects.exists():
        return "there are players already"
    summary = import_players(SAMPLE_FILE, options=ImportOptions(as_of=SAMPLE_DATE))
    return f"{summary.players_inserted:,} players imported from {SAMPLE_FILE.relative_to(PROJECT_FOLDER)}"


def sample_business_date() -> date:
    """Return the date the imported totals are as of: the night decides by it."""
    job = ImportJob.objects.filter(status=ImportJobStatus.SUCCEEDED).order_by("id").first()
    return timezone.localdate() if job is None else job.business_date

"""Players with scores, cases about them and the people who work on these, with fixed values."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User

from players.models import Player
from players.tests.factories import AT, ON, make_measured
from safety.abuse import score_players
from safety.models import UNDECIDED, ReviewCase, Ring
from safety.review.opening import open_due_cases
from safety.review.working import claim_case
from safety.tests.factories import make_signal


def make_abuser(player_id: str = "alice", severities: tuple[int, ...] = (10, 7)) -> Player:
    """Return a player with a signal of each severity, scored; by default 85, which asks for a review."""
    player = make_measured(player_id, total_wagered="1000.00", total_won="900.00")
    for severity in severities:
        make_signal(player, severity)
    score_players(on=ON, at=AT)
    return player


def make_reviewer(name: str = "rita") -> User:
    """Return somebody who may decide cases."""
    user = User.objects.create_user(name)
    user.user_permissions.add(Permission.objects.get(codename="change_reviewcase"))
    return user


def open_case(player_id: str = "alice") -> ReviewCase:
    """Open the cases that are due and return the player's."""
    open_due_cases(at=AT)
    return case_of(player_id)


def case_of(player_id: str = "alice") -> ReviewCase:
    return ReviewCase.objects.get(player_id=player_id, status__in=UNDECIDED)


def claimed_case(by: User, player_id: str = "alice") -> ReviewCase:
    return claim_case(case_id=open_case(player_id).pk, by=by, at=AT)


def acts(case: ReviewCase) -> list[str]:
    """Return what happened to a case, oldest first."""
    return list(case.events.order_by("id").values_list("act", flat=True))


def make_ring() -> Ring:
    return Ring.objects.create(members_count=5, things_count=3, found_at=AT, last_seen_at=AT)

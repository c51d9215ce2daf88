"""Answer "why?" and "why not?" for a player and a rule: from the stored decision, or computed again and marked so."""

from __future__ import annotations

from datetime import date

from django.db.models import Q
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from players.models import Player
from rewards.explaining.explanation import Explanation
from rewards.explaining.recomputed import explain_again
from rewards.explaining.stored import explain_decision
from rewards.live import check_player
from rewards.models import RewardDecision, RewardRule


class DateInFutureError(InvalidInputError):
    """Raised when a decision of a day that has not come is asked for."""

    code = "date_in_future"


def explain(*, player_id: str, rule_id: str, at: date | None = None) -> Explanation:
    """Explain what a rule gave a player on a business date, or why nothing.

    Without a date the newest stored decision, or today where there is none. Raises NotFoundError for an unknown player
    or rule, DateInFutureError, and RuleInvalidError for a rule that an older house saved and that cannot be read.
    """
    today = timezone.localdate()
    if at is not None and at > today:
        raise DateInFutureError(f"{at} has not come yet; ask for {today} or earlier", at=str(at), today=str(today))
    rule = RewardRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    if not Player.objects.filter(pk=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    decision = _stored_decision(player_id, rule, at)
    if decision is not None:
        return explain_decision(decision)
    check_player(player_id)
    return explain_again(rule, player_id=player_id, on=at or today)


def _stored_decision(player_id: str, rule: RewardRule, at: date | None) -> RewardDecision | None:
    """Return the decision for a date: of that occasion, or a refusal that was counted again over it."""
    decisions = RewardDecision.objects.filter(player_id=player_id, rule=rule).order_by("-pk")
    if at is None:
        return decisions.first()
    covering = list(decisions.filter(Q(occasion=at.isoformat()) | Q(first_on__lte=at, last_on__gte=at)))
    of_the_date = [decision for decision in covering if decision.occasion == at.isoformat()]
    return next(iter(of_the_date + covering), None)

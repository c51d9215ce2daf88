"""What a set of events must lead to, in plain Python: no SQL, no batches, no order of arrival."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

RATES = {"slots": Decimal("0.1"), "other": Decimal("0.1"), "roulette": Decimal("0.0333"), "": Decimal("0.1")}
GAP = timedelta(minutes=30)
CENT = Decimal("0.01")
Event = dict[str, Any]
PlayerOn = tuple[str, date]


def moment(event: Event, name: str = "occurred_at") -> datetime:
    return datetime.fromisoformat(event[name]).astimezone(UTC)


def in_force(events: list[Event]) -> list[Event]:
    """Return the originals as their last correction says they were; voided ones have an amount of 0."""
    corrections: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if "corrects_external_id" in event:
            corrections[event["corrects_external_id"]].append(event)
    found = []
    for event in events:
        if "corrects_external_id" not in event:
            ones = [one for one in corrections[event["external_id"]] if one["kind"] == event["kind"]]
            last = max(ones, key=lambda one: (moment(one), one["external_id"]), default=None)
            found.append(event if last is None else _corrected(event, last))
    return found


def _corrected(event: Event, last: Event) -> Event:
    if last.get("void"):
        return {**event, "amount": "0", "bonus_amount": "0", "ended_at": None}
    says = {name: last.get(name, "0") for name in ("amount", "bonus_amount")}
    return {**event, **says, "ended_at": last.get("ended_at")}


def real(event: Event) -> Decimal:
    return Decimal(event["amount"]) - Decimal(event.get("bonus_amount", "0"))


def days_of(events: list[Event]) -> dict[PlayerOn, dict[str, Any]]:
    """Return every day on which something is left to be counted."""
    days: dict[PlayerOn, dict[str, Any]] = defaultdict(lambda: defaultdict(Decimal))
    games: dict[PlayerOn, dict[str, dict[str, Any]]] = defaultdict(dict)
    points: dict[PlayerOn, Decimal] = defaultdict(Decimal)
    names = {"DEPOSIT": "deposited", "WITHDRAWAL": "withdrawn", "WAGER": "wagered", "WIN": "won"}
    for event in in_force(events):
        if event["kind"] not in names:
            continue
        on, category = (event["player_id"], moment(event).date()), event.get("game_category", "")
        name = names[event["kind"]]
        days[on][name] += real(event)
        bets = int(name == "wagered" and real(event) > 0)
        days[on]["bets"] += bets
        if name == "wagered":
            points[on] += real(event) * RATES[category]
        if category:
            game = games[on].setdefault(category, {"bets": 0, "wagered": Decimal(0), "won": Decimal(0)})
            game["bets"] += bets
            game[name] += real(event)
    sessions, played = _sessions(events)
    for on in {*sessions, *played}:
        days[on]["sessions"] += sessions[on]
        days[on]["playtime_hours"] += _hours(played[on])
    for on, day in days.items():
        day["lp_due"] = points[on].quantize(CENT, "ROUND_HALF_UP")
        day["games"] = {
            category: {"bets": game["bets"], "wagered": f"{game['wagered']:.2f}", "won": f"{game['won']:.2f}"}
            for category, game in games[on].items()
            if any(game.values())
        } or None
    return {on: dict(day) for on, day in days.items() if any(day.values())}


def _hours(played: timedelta) -> Decimal:
    return (Decimal(played // timedelta(microseconds=1)) / Decimal(3_600_000_000)).quantize(CENT, "ROUND_HALF_UP")


def _sessions(events: list[Event]) -> tuple[dict[PlayerOn, int], dict[PlayerOn, timedelta]]:
    sessions: dict[PlayerOn, int] = defaultdict(int)
    played: dict[PlayerOn, timedelta] = defaultdict(timedelta)
    reported: set[PlayerOn] = set()
    for event in in_force(events):
        if event["kind"] == "SESSION" and event["ended_at"]:
            began, ended = moment(event), moment(event, "ended_at")
            sessions[event["player_id"], began.date()] += 1
            reported.add((event["player_id"], began.date()))
            while began < ended:
                midnight = datetime.combine(began.date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
                on = (event["player_id"], began.date())
                played[on] += min(ended, midnight) - began
                reported.add(on)
                began = min(ended, midnight)
    by_player: dict[str, list[datetime]] = defaultdict(list)
    for event in events:
        if event["kind"] == "WAGER" and "corrects_external_id" not in event:
            by_player[event["player_id"]].append(moment(event))
    for player_id, times in by_player.items():
        before = None
        for at in sorted(times):
            on = (player_id, at.date())
            if on not in reported:
                is_first = before is None or at - before > GAP
                sessions[on] += int(is_first)
                if not is_first:
                    played[on] += at - (before or at)
            before = at
    return sessions, played


Days = dict[PlayerOn, dict[str, Any]]


def metrics_of(days: Days, player_id: str) -> dict[str, Any]:
    """Return what follows from a player's days, all of them; None is unknown."""
    own = [day for (of, _), day in days.items() if of == player_id]
    total = {name: sum((day.get(name, 0) for day in own), Decimal(0)) for name in SUMMED}
    played: dict[str, int] = defaultdict(int)
    for day in own:
        for category, game in (day.get("games") or {}).items():
            played[category] += game["bets"]
    played = {category: bets for category, bets in played.items() if bets}
    return {
        **{f"total_{name}": value for name, value in total.items()},
        "net_pnl": total["won"] - total["wagered"],
        "house_edge_contribution": total["wagered"] - total["won"],
        "win_loss_ratio": _divided(total["won"], total["wagered"], 4) or Decimal(0),
        "avg_bet_size": _divided(total["wagered"], total["bets"], 2),
        "avg_session_duration": _divided(total["playtime_hours"], total["sessions"], 4),
        "bets_per_session": _divided(total["bets"], total["sessions"], 4),
        "games_played": played,
        "game_diversity": len(played) or None,
        "volatility_score": volatility_of(own),
    }


SUMMED = ("deposited", "withdrawn", "wagered", "won", "bets", "sessions", "playtime_hours")


def volatility_of(days: list[dict[str, Any]]) -> Decimal | None:
    """Return the sample deviation of the results of days with a stake or payout ÷ the mean stake of those days."""
    played = [day for day in days if day.get("wagered", 0) or day.get("won", 0)]
    staked = sum((day.get("wagered", 0) for day in played), Decimal(0))
    if len(played) < 2 or not staked:
        return None
    with localcontext(prec=60):
        results = [Decimal(day.get("won", 0) - day.get("wagered", 0)) for day in played]
        mean = sum(results, Decimal(0)) / len(results)
        squares = [(result - mean) ** 2 for result in results]
        deviation = (sum(squares, Decimal(0)) / (len(results) - 1)).sqrt()
        return _divided(deviation * len(played), staked, 4)


def window_of(days: Days, player_id: str, *, on: date, length: int) -> dict[str, Any]:
    """Return what the business days that end on a date say, or None for each where the first known day is later."""
    first = on - timedelta(days=length - 1)
    known = min((at for of, at in days if of == player_id), default=None)
    names = [*(f"total_{name}" for name in SUMMED), "active_days", "game_diversity", "volatility_score"]
    if known is None or known > first:
        return dict.fromkeys(names)
    within = {key: day for key, day in days.items() if key[0] == player_id and first <= key[1] <= on}
    found = metrics_of(within, player_id)
    active = sum(1 for day in within.values() if day.get("wagered", 0) > 0)
    return {name: {**found, "active_days": active}[name] for name in names}


def _divided(numerator: Decimal, denominator: Decimal | int, places: int) -> Decimal | None:
    if not denominator:
        return None
    with localcontext(prec=60):
        return (numerator / denominator).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)

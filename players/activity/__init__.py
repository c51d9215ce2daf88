"""The activity feed: what players did, as the gaming platform reports it, stored once and counted set-based."""

from players.activity.events import EVENTS_MAX
from players.activity.problems import ActivityRefusedError, EventProblem
from players.activity.recording import ListedEvent, RecordedBatch, record_activity

__all__ = [
    "EVENTS_MAX",
    "ActivityRefusedError",
    "EventProblem",
    "ListedEvent",
    "RecordedBatch",
    "record_activity",
]

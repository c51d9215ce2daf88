from core.models.outbox import OutboxEvent
from core.models.policies import PolicyValue
from core.models.runs import Run, RunChunk, RunKind, RunStatus, RunStep

__all__ = ["OutboxEvent", "PolicyValue", "Run", "RunChunk", "RunKind", "RunStatus", "RunStep"]

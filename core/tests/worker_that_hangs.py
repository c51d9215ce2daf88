"""A worker for a process of its own: it writes in its first chunk, says so, and hangs until it is killed."""

from __future__ import annotations

import sys
import time

import django

django.setup()

from core.models import OutboxEvent, Run  # noqa: E402  # Django must be set up first
from core.runs import ChunkContext, Counts, Step, execute_steps  # noqa: E402


def hang(chunk: ChunkContext) -> Counts:
    OutboxEvent.objects.create(topic="work", key=f"chunk {chunk.number}", payload={"by": "the killed worker"})
    print(f"working on chunk {chunk.number}", flush=True)
    time.sleep(60)
    return {}


if __name__ == "__main__":
    run = Run.objects.get(pk=int(sys.argv[1]))
    execute_steps(run, [Step(name="work", work=hang)])

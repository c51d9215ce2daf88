"""The admin of runs, policies and the outbox, and what every app's admin stands on."""

from core.admin import outbox, policies, runs

__all__ = ["outbox", "policies", "runs"]

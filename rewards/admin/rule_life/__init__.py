"""The life of a rule in the admin: its steps as buttons with pages of their own, its queue, and its record."""

from rewards.admin.rule_life import records

__all__ = ["records"]

"""The review queue in the admin: what a risk officer works in all day."""

from rewards.admin.reviewing import cases

__all__ = ["cases"]

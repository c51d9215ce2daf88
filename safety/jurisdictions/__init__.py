"""Jurisdiction profiles: what is in force, what an incentive breaks of it, and how a profile changes."""

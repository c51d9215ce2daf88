"""Endpoints that read several floors: players with their balances, the dashboard."""

"""Endpoints about players' profiles, tiers and the import of spreadsheets."""

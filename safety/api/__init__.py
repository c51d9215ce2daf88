"""Endpoints that give players something by hand: restrictions and caps are asked first, hence on this floor."""

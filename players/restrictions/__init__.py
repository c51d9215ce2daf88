"""What forbids credits to a player: imposing it, moving its end, lifting it, and the register's list."""

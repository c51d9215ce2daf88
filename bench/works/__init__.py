"""The works that are measured; each module yields its lines of the table."""

"""The project: settings, addresses, background work, embedded servers and the night."""

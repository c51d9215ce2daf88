"""A port to serve on."""

import socket

_ATTEMPTS_MAX = 100


class NoFreePortError(Exception):
    """All ports that were tried are taken."""


def free_port(host: str, wanted: int) -> int:
    """Return the wanted port or the next free one above it."""
    for port in range(wanted, min(wanted + _ATTEMPTS_MAX, 65536)):
        if _is_free(host, port):
            return port
    raise NoFreePortError(f"No port from {wanted} on is free on {host}.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as candidate:
        # As servers do: a port whose last connections are still closing counts as free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError:
            return False
    return True

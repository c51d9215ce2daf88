"""A port to serve on."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ATTEMPTS_MAX = 100


class NoFreePortError(Exception):
    """All ports that were tried are taken."""


@contextmanager
def reserved_port(host: str, wanted: int) -> Iterator[int]:
    """Yield the wanted port or the next free one above it, which no other house takes meanwhile.

    Two houses opened at the same moment would both find the port free, and the web server lets two processes of one
    account share a port: each visitor would then land in one house or the other.
    """
    for port in range(wanted, min(wanted + _ATTEMPTS_MAX, 65536)):
        with socket.socket(socket.AF_UNIX) as claim:
            if _is_claimed(claim, port) and _is_free(host, port):
                yield port
                return
    raise NoFreePortError(f"No port from {wanted} on is free on {host}.")


def _is_claimed(claim: socket.socket, port: int) -> bool:
    """Take a name that exists once per machine and vanishes with the process; only Linux has such names."""
    if sys.platform != "linux":
        return True
    try:
        claim.bind(f"\0loyalty-house-{port}")
    except OSError:
        return False
    return True


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as candidate:
        # As servers do: a port whose last connections are still closing counts as free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError:
            return False
    return True

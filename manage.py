#!/usr/bin/env python
"""Django's command line, with the embedded servers started first where a command needs them."""

import os
import sys

from loyalty.embedded import start_needed_servers
from loyalty.embedded.errors import EmbeddedServerError

WITHOUT_SERVERS = frozenset(
    {"help", "version", "check", "collectstatic", "spectacular", "makemessages", "compilemessages", "stop"}
)


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    from django.core.management import execute_from_command_line

    if needs_servers(sys.argv[1:]):
        try:
            start_needed_servers()
        except EmbeddedServerError as error:
            sys.exit(str(error))
    execute_from_command_line(sys.argv)


def needs_servers(arguments: list[str]) -> bool:
    """Tell whether the command may touch the database or Redis."""
    asks_for_help = bool({"--help", "-h", "--version"} & set(arguments))
    return bool(arguments) and not asks_for_help and arguments[0] not in WITHOUT_SERVERS


if __name__ == "__main__":
    main()

"""A process that imports one file when told to: `python -m bench.importing_process FILE`.

It is ready, with everything loaded, when it prints the first line; it starts when it reads a line; the second line is
the result as JSON. So the clock holds the import alone, and the memory is that of an importer and its child.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Import the file named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    import django

    django.setup()
    from django.db import connection

    from players.importing import import_players

    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    summary = import_players(sys.argv[1])
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "inserted": summary.players_inserted}), flush=True)


if __name__ == "__main__":
    main()

"""Look after the embedded servers by hand: `python -m loyalty.embedded status|stop|remove`."""

import argparse
import shutil

from loyalty.embedded import folders
from loyalty.embedded.servers import SERVERS, locks_of


def main() -> None:
    """Run one of the three commands."""
    commands = {"status": print_status, "stop": stop_all, "remove": remove_all}
    parser = argparse.ArgumentParser(prog="python -m loyalty.embedded", description=__doc__)
    parser.add_argument("command", choices=commands)
    commands[parser.parse_args().command]()


def print_status() -> None:
    """Print which servers run, whether anybody uses them, and where their data is."""
    for name, server in SERVERS.items():
        folder = folders.home() / name
        running = folder.is_dir() and server.is_running()
        used = running and locks_of(server).is_used()
        print(f"{name:10} {'running' if running else 'stopped'}{', in use' if used else ''}   {folder}")  # noqa: T201


def stop_all() -> None:
    """Stop the servers, used or not; whoever uses them sees lost connections."""
    for name, server in SERVERS.items():
        if (folders.home() / name).is_dir():
            with locks_of(server).gate():
                server.stop()


def remove_all() -> None:
    """Stop the servers and delete their data."""
    stop_all()
    for folder in {folders.sockets(), folders.home()}:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

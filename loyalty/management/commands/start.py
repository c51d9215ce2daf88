"""Open the house on this machine."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from core.errors import LoyaltyError
from loyalty.embedded import stop_when_unused
from loyalty.house import opening, serving
from loyalty.house.ports import NoFreePortError, reserved_port
from loyalty.house.presence import HouseAlreadyOpenError, presence
from loyalty.house.processes import ChildEndedError, Children
from loyalty.roles import install_demo_users


class Command(BaseCommand):
    """Prepare the tables and the sample data, then serve until interrupted."""

    help = "Migrate, load fixtures and sample players, run the night once, then serve the admin with a worker and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=8000, help="port to serve on; the next free one if taken (8000)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        serving.close_on_signals()
        try:
            with presence():
                opening.prepare(console)
                serve(console, options["host"], options["port"])
        except serving.ClosingTime:
            console.print("\nClosing …")
        except (HouseAlreadyOpenError, ChildEndedError, NoFreePortError, LoyaltyError, TimeoutError) as error:
            raise CommandError(str(error)) from error
        finally:
            serving.ignore_signals()
            stop_when_unused()


def serve(console: Console, host: str, wanted_port: int) -> None:
    """Start the children on the port or the next free one, say where they are to be found, and watch over them."""
    with reserved_port(host, wanted_port) as port:
        if port != wanted_port:
            console.print(f"[yellow]Port {wanted_port} is taken, so the house serves on port {port}.[/]")
        children = serving.start_children(host, port)
        try:
            serving.wait_until_ready(children, f"http://{host}:{port}/health/")
            announce(console, f"http://{host}:{port}", children)
            serving.watch(children)
        finally:
            serving.ignore_signals()
            children.stop()


def announce(console: Console, url: str, children: Children) -> None:
    """Print where everything is and who may log in."""
    console.print(f"\n[bold]Admin[/]   {url}/admin/", soft_wrap=True)
    console.print(f"[bold]API[/]     {url}/api/docs/", soft_wrap=True)
    users = install_demo_users()
    if users is not None:
        names = ", ".join(users.user_names)
        console.print(f"[bold]Log in[/]  as {names}", soft_wrap=True, highlight=False)
        console.print(
            f"        with the password [bold]{users.password}[/] (made for this clone alone)", highlight=False
        )
    console.print(f"[bold]Logs[/]    {children.log_folder}", soft_wrap=True, highlight=False)
    console.print("\nCtrl-C ends everything.\n")

"""Whether the program that started us still wants us."""

import os
import signal
from pathlib import Path

_STARTED_BY = os.getppid()


def launcher_has_gone() -> bool:
    """Tell whether our parent ended, or is a `make` that was interrupted alone.

    A Ctrl-C reaches the whole terminal, us included. An interrupt sent to make only is not passed on: make restores
    the default handler and waits for us. That handler is all there is to see.
    """
    return os.getppid() != _STARTED_BY or _is_interrupted_make(_STARTED_BY)


def _is_interrupted_make(process_id: int) -> bool:
    status = _status_of(process_id)
    if status.get("Name") not in {"make", "gmake"}:
        return False
    # Started in the background by a script, make ignores the interrupt from the beginning: that is no wish to close.
    return not (int(status["SigCgt"], 16) | int(status["SigIgn"], 16)) & (1 << (signal.SIGINT - 1))


def _status_of(process_id: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:  # not Linux, or not ours to read
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

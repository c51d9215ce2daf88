"""Ask the web server on this machine whether all is well: `python -m loyalty.probe [PORT]`; exit code 0 means yes."""

import sys
import urllib.error
import urllib.request

from core import environment


def is_healthy(port: int) -> bool:
    """Tell whether the health page answers 200; asked under a name that ALLOWED_HOSTS lets in."""
    names = [name for name in environment.text_list("ALLOWED_HOSTS") if not name.startswith(("*", "."))]
    host = names[0] if names else "localhost"
    request = urllib.request.Request(f"http://127.0.0.1:{port}/health/", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=8) as answer:  # noqa: S310 http, our own machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(not is_healthy(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))

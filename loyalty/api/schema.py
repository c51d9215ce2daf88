"""What the OpenAPI description leaves out."""

from __future__ import annotations

from typing import Any

Documented = tuple[str, str, str, Any]


def without_slash_twins(endpoints: list[Documented]) -> list[Documented]:
    """Describe each address once, as the documents write it: without a slash at its end."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]

"""PostgreSQL and Redis from wheels, for a machine that has neither.

They start when DATABASE_URL or REDIS_URL is unset, listen on Unix sockets only, are shared by all processes of this
clone, and stop when the last of these is gone, however it went.
"""

from loyalty.embedded.servers import start_needed_servers, stop_when_unused

__all__ = ["start_needed_servers", "stop_when_unused"]

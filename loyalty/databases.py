"""Where the data is: PostgreSQL by URL or embedded, and Redis the same way."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from core import environment
from core.environment import EnvironmentValueError
from loyalty.embedded import folders
from loyalty.embedded.postgres import DATABASE, SUPERUSER

_SCHEMES = ("postgresql", "postgres")


def database_settings() -> dict[str, Any]:
    """Return Django's settings of the one database."""
    url = environment.url("DATABASE_URL", default=None, schemes=_SCHEMES)
    address = _embedded_address() if url is None else parse_database_url("DATABASE_URL", url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        **address,
        "OPTIONS": {**address.get("OPTIONS", {}), **_pool_options()},
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "ATOMIC_REQUESTS": False,
        "TEST": {"NAME": environment.text("TEST_DATABASE_NAME", default=None)},
    }


def migration_address() -> dict[str, Any] | None:
    """Return user, password, host and port of the role that owns the tables, or None where the usual role does.

    Raises EnvironmentValueError where MIGRATE_DATABASE_URL names another database than DATABASE_URL.
    """
    url = environment.url("MIGRATE_DATABASE_URL", default=None, schemes=_SCHEMES)
    if url is None:
        return None
    address = parse_database_url("MIGRATE_DATABASE_URL", url)
    if address["NAME"] != database_settings()["NAME"]:
        raise EnvironmentValueError(
            "MIGRATE_DATABASE_URL", address["NAME"], "the database that DATABASE_URL names is needed"
        )
    return {key: address[key] for key in ("USER", "PASSWORD", "HOST", "PORT")}


def parse_database_url(name: str, url: str) -> dict[str, Any]:
    """Take postgresql://user:password@host:port/database?option=value apart; `host` may also be an option."""
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise EnvironmentValueError(name, f"{parts.scheme}://…", "the database's name is needed after the host")
    options = dict(parse_qsl(parts.query))
    try:
        port = parts.port
    except ValueError:
        raise EnvironmentValueError(name, f"{parts.scheme}://…", "a port from 1 to 65535 is needed") from None
    return {
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(port or options.pop("port", "")),
        "OPTIONS": options,
    }


def redis_url() -> str:
    """Return where Redis is, in the form its Python client takes."""
    return environment.url("REDIS_URL", default=None, schemes=_REDIS_SCHEMES) or f"unix://{_redis_socket()}?db=0"


def broker_url() -> str:
    """Return where Redis is, in the form Celery takes."""
    url = environment.url("REDIS_URL", default=None, schemes=_REDIS_SCHEMES)
    if url is None:
        return f"redis+socket://{_redis_socket()}?virtual_host=0"
    return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


_REDIS_SCHEMES = ("redis", "rediss", "unix")


def _redis_socket() -> str:
    return str(folders.sockets() / "redis.sock")


def _embedded_address() -> dict[str, Any]:
    return {"NAME": DATABASE, "USER": SUPERUSER, "PASSWORD": "", "HOST": str(folders.sockets()), "PORT": ""}


def _pool_options() -> dict[str, Any]:
    """A pool is opened by the first query of a process, hence after a worker's fork."""
    size = environment.integer("DATABASE_POOL_SIZE", default=0, minimum=0, maximum=100)
    return {"pool": {"min_size": 1, "max_size": size, "timeout": 10}} if size else {}

"""The embedded PostgreSQL's settings: the wheel's defaults are for a very small machine."""

import os
from pathlib import Path

_MEGABYTE = 1024 * 1024
_SHARED_BUFFERS_MAX = 4096
_SHARED_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 only asked for its size
_CONTROL_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def settings_text(socket_folder: Path) -> str:
    """Return the text of a configuration file fit for this machine's memory."""
    values = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "max_connections": "300",
        "max_locks_per_transaction": "128",  # tests create and drop databases full of partitions
        **_memory_settings(memory_megabytes()),
        "max_wal_size": "8GB",
        "min_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        # The wheel has only pglz, which cost an eighth of the time of a bulk posting.
        "wal_compression": "off",
        "synchronous_commit": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "dynamic_shared_memory_type": "posix" if _has_shared_memory_folder() else "sysv",
        "logging_collector": "off",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in values.items())


def memory_megabytes() -> int:
    """Return the memory we may use: the machine's, or the container's limit where that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE
    try:
        limit = int(_CONTROL_GROUP_LIMIT.read_text()) // _MEGABYTE
    except (OSError, ValueError):  # no such file, or the word "max"
        return machine
    return min(machine, limit)


def _memory_settings(megabytes: int) -> dict[str, str]:
    shared_buffers = min(megabytes // 4, _SHARED_BUFFERS_MAX)
    return {
        "shared_buffers": f"{shared_buffers}MB",
        "effective_cache_size": f"{megabytes // 2}MB",
        "work_mem": f"{max(4, min(64, megabytes // 128))}MB",
        "maintenance_work_mem": f"{max(64, min(512, megabytes // 16))}MB",
    }


def _has_shared_memory_folder() -> bool:
    """A container's /dev/shm often holds 64 MB, too little for a parallel query's hash tables."""
    try:
        status = os.statvfs(_SHARED_MEMORY_FOLDER)
    except OSError:
        return False
    return status.f_blocks * status.f_frsize >= 512 * _MEGABYTE

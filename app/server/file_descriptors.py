"""The limit of file descriptors, each of which a connection takes."""

import resource

__all__ = ["available_for_connections", "raise_limit"]

# An unlimited number is not passed on to child processes, some of which go through all numbers.
_UNLIMITED = 1_048_576
# Kept for the database, OPS, the log and everything else that the process opens.
_RESERVED = 256


def raise_limit() -> None:
    """Raise the limit of this process and its children as far as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _UNLIMITED if hard == resource.RLIM_INFINITY else min(hard, _UNLIMITED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def available_for_connections() -> int:
    """Return how many descriptors connections may take, which leaves a reserve for the rest."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _UNLIMITED
    return soft - min(_RESERVED, soft // 2)

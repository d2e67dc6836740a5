"""The settings that each session of PostgreSQL sets, because the code relies on them."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FIXED_SETTINGS", "TRACKED_SETTINGS", "FixedSetting"]

# A transaction of a process that was suspended must not hold its locks forever.
_IDLE_TRANSACTION_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class FixedSetting:
    """A setting that each session sets, and what a user can do instead of setting it."""

    value: str
    advice: str = "the service relies on its own value; remove it"
    # The first version of PostgreSQL that has it.
    since: int = 0


_NO_TIMEOUT = "set REQUEST_TIMEOUT_MS, which limits each statement, and remove it"

FIXED_SETTINGS: Mapping[str, FixedSetting] = {
    # PostgreSQL writes timestamps into JSON in the session's time zone. West of UTC,
    # datetime.min would be in the year before 1, which Python cannot parse.
    "timezone": FixedSetting("UTC"),
    "datestyle": FixedSetting("ISO, MDY"),
    "standard_conforming_strings": FixedSetting("on"),
    "intervalstyle": FixedSetting("postgres"),
    "bytea_output": FixedSetting("hex"),
    "extra_float_digits": FixedSetting("1"),
    "transform_null_equals": FixedSetting("off"),
    "array_nulls": FixedSetting("on"),
    # Migrations compare the names of types.
    "quote_all_identifiers": FixedSetting("off"),
    # A statement that waits for a lock continues with what it then finds, instead of failing.
    "default_transaction_isolation": FixedSetting("read committed"),
    "default_transaction_deferrable": FixedSetting("off"),
    "lock_timeout": FixedSetting("0", _NO_TIMEOUT),
    "statement_timeout": FixedSetting("0", _NO_TIMEOUT),
    "idle_in_transaction_session_timeout": FixedSetting(
        str(_IDLE_TRANSACTION_TIMEOUT_MS), _NO_TIMEOUT
    ),
    "idle_session_timeout": FixedSetting("0", since=14),
    "transaction_timeout": FixedSetting("0", _NO_TIMEOUT, since=17),
    # A warning reports that a commit was not replicated.
    "client_min_messages": FixedSetting("warning"),
    # Otherwise a violated constraint ends the session.
    "exit_on_error": FixedSetting("off"),
    # Otherwise a search returns some of its results.
    "gin_fuzzy_search_limit": FixedSetting("0"),
    # With jit on, PostgreSQL compiles a plan that looks expensive at every run, including the
    # branches that rarely run.
    "jit": FixedSetting("off"),
    "plan_cache_mode": FixedSetting("auto"),
    # Otherwise the planner of a small table reads the whole range of an index that has the first
    # column of the order, and sorts it, instead of the first rows of the index that has all.
    "enable_incremental_sort": FixedSetting("off"),
}
# PgBouncer sets these for each of its clients.
TRACKED_SETTINGS = {
    name: FIXED_SETTINGS[name].value
    for name in ("timezone", "datestyle", "standard_conforming_strings")
}

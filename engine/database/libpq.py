"""The parameters with which PostgreSQL's own programs connect as this program does."""

from engine.database.dsn import Host, Target, parse_dsn, read_parameters
from engine.database.dsn_parameters import PASSED_ON

__all__ = ["libpq_parameters"]

DEFAULT_TIMEOUT_S = 10


def libpq_parameters(dsn: str) -> dict[str, str]:
    """Return the parameters of libpq for a URL, the password among them; raises DsnError."""
    target = parse_dsn(dsn)
    given = read_parameters(dsn)
    parameters = {name: value for name, value in given.items() if name in PASSED_ON}
    if target.hosts:
        parameters["host"] = ",".join(host.name for host in target.hosts)
        parameters["port"] = ",".join(map(_port, target.hosts))
    elif "port" in given:
        parameters["port"] = given["port"]
    if target.session_attrs not in {"", "any"}:
        parameters["target_session_attrs"] = target.session_attrs
    if target.has_random_order:
        parameters["load_balance_hosts"] = "random"
    timeout_s = target.connect_timeout_s or DEFAULT_TIMEOUT_S
    parameters["connect_timeout"] = str(round(timeout_s))
    keepalive = target.keepalive
    parameters["keepalives"] = str(int(keepalive.is_on))
    parameters["keepalives_idle"] = str(keepalive.idle_s)
    parameters["keepalives_interval"] = str(keepalive.interval_s)
    parameters["keepalives_count"] = str(keepalive.count)
    parameters["tcp_user_timeout"] = str(keepalive.user_timeout_ms)
    parameters["application_name"] = target.settings["application_name"]
    options = _options(target)
    if options:
        parameters["options"] = options
    return parameters


def _port(host: Host) -> str:
    return "" if host.port is None else str(host.port)


def _options(target: Target) -> str:
    """Return the settings of the session as switches of the server."""
    switches = [target.settings["options"]] if "options" in target.settings else []
    for name, value in target.settings.items():
        if name not in {"options", "application_name"}:
            escaped = value.replace("\\", "\\\\").replace(" ", "\\ ")
            switches.append(f"-c {name}={escaped}")
    return " ".join(switches)

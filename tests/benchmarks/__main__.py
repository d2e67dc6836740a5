"""`python -m tests.benchmarks [NAME]`: one command for all; without a name, the comparison."""

import importlib
import signal
import sys

from tests.benchmarks.progress import Unmeasured

# Each is a module of this folder with a function `main` that takes its arguments.
BENCHMARKS = {
    "compare": "this server beside its peers",
    "data": "growth with the data",
    "growth": "buffers and time of filtered pages and totals, by number of tickets",
    "connections": "growth with the connections",
    "memory": "memory of a process under load, over time",
    "fanout": "a change told to a thousand subscribers",
    "delivery": "deliveries through one worker",
    "replicas": "reads on a replica beside reads on the primary",
    "accounting": "this server beside itself without the accounting of limits",
    "writes": "what tickets and their changes cost in PostgreSQL",
    "inproc": "CPU of the application alone, called within one process",
}


def main() -> None:
    """Run the benchmark that is named first."""
    name, *arguments = sys.argv[1:] or ["compare"]
    if name.startswith("-") and name not in {"-h", "--help"}:
        name, arguments = "compare", sys.argv[1:]
    if name not in BENCHMARKS:
        told = "\n".join(f"  {name:12} {what}" for name, what in BENCHMARKS.items())
        sys.exit(f"usage: python -m tests.benchmarks [NAME] [--quick] [--help]\n\n{told}")
    # As Ctrl-C does: what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        importlib.import_module(f"tests.benchmarks.{name}").main(arguments)
    except Unmeasured as reason:
        sys.exit(f"{name}: {reason}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")


if __name__ == "__main__":
    main()

"""Top layer: settings, command line, HTTP, the life of the database, and the processes.

Only this layer reads the environment. `cli` has the `ticketops` commands, `processes` runs the
server and the worker, and `application` wires the parts of the server into one ASGI application:
start reading there. Lower layers receive what they need as arguments.
"""

__version__ = "0.1.0"

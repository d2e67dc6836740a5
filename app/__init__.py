"""What puts everything together: settings, command line, HTTP, and the database's life.

The top floor, and the only one that reads the environment. `ticketops` (in `cli/`)
is the door for people, `serve.py` runs the service, and `http/` is what it serves.
Everything beneath gets what it needs handed in.
"""

__version__ = "0.1.0"

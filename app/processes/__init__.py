"""Long-running processes: the server and the delivery worker.

Start with `serve`: it opens the socket, prepares the database and runs one or several processes of
`uvicorn_server`; `banner` reports the start. `worker` delivers tickets to OPS without a server.
"""

"""The HTTP server: uvicorn with limits for everything that precedes authentication.

Start with `http_connection`, which limits the size and time of request heads by `timeouts` and
rejects invalid input with an `early_response`; docs/explanation/http-connection.md shows
its states. `websocket_connection` does the same for the frames of WebSockets. Both parse in turns
(`input_scheduler`) and are limited in number (`open_connections`, `file_descriptors`). `listening`
opens the sockets. A request continues in `app.http.request_cycle`.
"""

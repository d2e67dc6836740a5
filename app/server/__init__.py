"""The HTTP server: uvicorn with limits for everything that precedes authentication.

Start with `http_connection`, which limits the time of requests by `timeouts`, and extends the
`request_parser`, which finds their ends. Invalid input is rejected with an `early_response`, and
`discarded_input` limits the input that is read after a response. The states are shown in
docs/explanation/http-connection.md. `request_memory` limits the requests that wait, and the bodies.
`websocket_connection` does the same for WebSockets, whose frames `message_reader` reads. Both
parse in turns (`input_scheduler`) and are limited in number (`open_connections`,
`file_descriptors`). `descriptor_watch` reports that no more can be accepted. `listening` opens the
sockets. A request continues in `app.http.request_cycle`.
"""

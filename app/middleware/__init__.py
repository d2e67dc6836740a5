"""ASGI middleware around every request, from the outside in.

`request` gives each request an id, adds headers to its response, and counts and logs it
(`request_log`). `trusted_host` rejects requests for other hosts. `cors` admits pages of other
origins. `exceptions` turns exceptions into responses. Start with `request`; `app.application` puts
them in their order.
"""

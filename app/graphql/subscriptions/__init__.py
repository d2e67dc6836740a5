"""Subscriptions, and other operations, over WebSockets and server-sent events.

`websocket` serves the protocol graphql-transport-ws with `ws_messages` (parsing) and
`ws_operation` (one operation); start with its `_Socket`. `event_stream` serves graphql-sse.
`limits` bounds what one caller has open. `connection_registry` and `shutdown_signals` close
everything on shutdown.
"""

"""Subscriptions, and other operations, over WebSockets and server-sent events.

`websocket` serves the protocol graphql-transport-ws with `ws_messages` (parsing), `ws_operation`
(one operation) and `ws_channel` (sending and closing); start with its `_Socket`. `event_stream`
serves graphql-sse. `limits` bounds what one caller has open. `connection_registry` closes
everything on shutdown.
"""

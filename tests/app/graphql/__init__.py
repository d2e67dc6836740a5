"""Subscriptions as their protocols have them: over WebSocket and as server-sent events."""

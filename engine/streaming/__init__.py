"""engine/streaming."""

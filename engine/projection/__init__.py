"""engine/projection."""

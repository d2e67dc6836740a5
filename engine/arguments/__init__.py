"""engine/arguments."""

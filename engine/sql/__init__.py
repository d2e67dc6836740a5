"""engine/sql."""

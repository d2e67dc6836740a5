"""engine/database."""

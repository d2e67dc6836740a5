"""engine/documents."""

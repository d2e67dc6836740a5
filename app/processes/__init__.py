"""app/processes."""

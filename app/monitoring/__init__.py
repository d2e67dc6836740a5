"""app/monitoring."""

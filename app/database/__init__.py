"""app/database."""

"""app/middleware."""

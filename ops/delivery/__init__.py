"""ops/delivery."""

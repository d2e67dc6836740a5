"""ops/clients."""

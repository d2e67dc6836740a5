"""The peers: small honest servers over the same tables, each as its makers show it."""

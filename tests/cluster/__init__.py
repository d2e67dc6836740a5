"""The service on a PostgreSQL cluster with automatic failover (`make test-cluster`)."""

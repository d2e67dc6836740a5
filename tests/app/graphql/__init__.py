"""Tests of the GraphQL transport."""

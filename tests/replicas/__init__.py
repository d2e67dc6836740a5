"""Reads on replicas: with real standbys, whose lag the tests control."""

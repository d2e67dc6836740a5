"""Suites and fuzzers that try the real server with whatever may come, and print how often."""

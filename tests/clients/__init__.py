"""Clients and test suites of others, as they come from npm and PyPI, against the real server.

Each folder here is the project of one client; a test works on a copy of it, with the
packages of package.json at hand.
"""

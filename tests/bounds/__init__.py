"""Hostile inputs: the server must answer each of them within its limits and keep serving others.

`harness` runs a server and measures what an input does to it, `inputs` declares the inputs, and
`python -m tests.bounds` prints the measured table of SECURITY.md.
"""

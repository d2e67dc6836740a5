"""Fuzz tests of the running server; they print how many inputs they tried."""

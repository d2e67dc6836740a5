"""Tests of the event feed: every event arrives once, through crashes and restarts."""

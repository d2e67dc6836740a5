"""Tests of the REST interface against a real server, and of its OpenAPI document."""

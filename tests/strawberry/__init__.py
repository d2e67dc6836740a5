"""Strawberry's manual, feature by feature: the engine answers as `strawberry.Schema.execute`."""

"""The error of an invalid setting."""

from app.errors import CommandError

__all__ = ["SettingError"]


class SettingError(CommandError):
    """A setting has an invalid value, or contradicts another setting."""

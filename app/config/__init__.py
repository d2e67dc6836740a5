"""Configuration: settings from the environment, `.env` and flags, and logging.

`settings.Settings` declares every setting once, with `setting_fields.setting` and a parser
of `setting_parsers`. `sources` merges the places that can set one. `settings_list` renders the
settings for people: `ticketops settings` and `.env.example`. `logs` configures logging. `urls` has
small helpers for URLs and hosts. Start with `settings`.
"""

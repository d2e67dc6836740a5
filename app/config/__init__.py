"""Configuration: settings from the environment, `.env` and flags, and logging.

`settings.Settings` declares every setting once, with `setting_fields.setting` and a parser of
`setting_parsers`, `url_parsers` or `cors_parsers`. `sources` merges the places that can set one,
among them `dotenv_file`, and `similar_names` finds misspelled names there. `settings_list` renders
the settings for people: `ticketops settings` and `.env.example`. `logs` configures logging. `urls`
has small helpers for URLs and hosts. Start with `settings`.
"""

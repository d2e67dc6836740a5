"""The privileges that serving and delivering need; migrations need those of the tables' owner."""

from typing import Any

from tortoise.models import Model

import models

__all__ = ["missing_privileges"]

_TABLES = sorted(
    model._meta.db_table  # noqa: SLF001  # Tortoise documents no other way to the name of a table
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, Model)
)
# A privilege on some columns is enough here: who grants those knows what the service uses.
_MISSING = """
SELECT string_agg(privilege || ' on ' || name, ', ' ORDER BY name, privilege)
FROM unnest($1::text[]) AS name
CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
WHERE to_regclass(name) IS NOT NULL
  AND NOT CASE privilege
      WHEN 'DELETE' THEN has_table_privilege(to_regclass(name), privilege)
      ELSE has_any_column_privilege(to_regclass(name), privilege)
  END
"""


async def missing_privileges(connection: Any) -> str | None:
    """Return the privileges on the tables of the models that the role lacks; None if it has all."""
    missing: str | None = await connection.fetchval(_MISSING, _TABLES)
    return missing

"""Storage parameters by which autovacuum processes each table in time.

The defaults wait until a fifth of a table has changed and then until a tenth has before they make
statistics: two million and one million tickets of ten million. A parameter that the owner of the
database has set stays unchanged. Older versions keep working on this schema.
"""

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, recorded

DESCRIPTION = Description(oldest_code=0)
RUN_IN_TRANSACTION = True

# Rows that never change. Autovacuum marks their pages as visible to all, with which counts read
# only an index, and freezes them at once, so that they are not written again later.
_APPEND_ONLY = {
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_freeze_min_age": "0",
}
_PARAMETERS = {
    "log_entries": _APPEND_ONLY,
    "ticket_events": _APPEND_ONLY,
    # Each update writes a new version of the row and entries in all indexes.
    "tickets": {
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_vacuum_insert_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
    },
    # Workers read the index of the deliveries that are due, in which attempted ones are dead.
    "ops_deliveries": {
        "autovacuum_vacuum_scale_factor": "0.01",
        "autovacuum_vacuum_insert_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
    },
    # Keys are deleted when they expire.
    "idempotency_keys": {
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.05",
    },
}

_EXISTING = """
SELECT relname AS name, coalesce(reloptions, '{}') AS options
FROM pg_class
WHERE oid = ANY ($1::text[]::regclass[])
"""


@recorded(DESCRIPTION)
async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL, whose locks block no reads and writes."""
    rows = await db.execute_query_dict(_EXISTING, [list(_PARAMETERS)])
    existing = {row["name"]: {option.split("=")[0] for option in row["options"]} for row in rows}
    statements = ["SET LOCAL lock_timeout = '10s';"]
    for table, parameters in _PARAMETERS.items():
        missing = ", ".join(
            f"{name} = {value}" for name, value in parameters.items() if name not in existing[table]
        )
        if missing:
            statements.append(f"ALTER TABLE {table} SET ({missing});")
    return "\n".join(statements) + "\n"


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that returns to the defaults, except for values of the owner."""
    rows = await db.execute_query_dict(_EXISTING, [list(_PARAMETERS)])
    existing = {row["name"]: set(row["options"]) for row in rows}
    statements = []
    for table, parameters in _PARAMETERS.items():
        ours = [name for name, value in parameters.items() if f"{name}={value}" in existing[table]]
        if ours:
            statements.append(f"ALTER TABLE {table} RESET ({', '.join(ours)});")
    return "\n".join(statements) or "SELECT"


MODELS_STATE = (
    "eJztXWtz27gV/SsYfqil1uvxS7aTSTvjJN6N2429E2u6O7veoSASklCTAEOAtjVp/nsvQFJ8Si"
    "Ep2aFV5ktMAAcAzwXA+wCgL4bLbeKIvXOPDvkdYcZr9MVg2CXwRyFvFxnY85IclSDx2NGFsUdN"
    "qYrpZDwW0seWhJwJdgSBJJsIy6eepFy1Ypwjyyc2YZJiB/EJwkg1ayMLOw7x99A1c+ZIzgi6+X"
    "D+w+HgRJVRj4IATiIqkJAcathTzdncgvYom2685oDRzwGBN5sSKOND/X/8CcmU2eSRiPjRuzMn"
    "lDh2hj5qqwp0uinnnk4bkkf5jjuBq9m0x6YVPiyKe3M542xRHt5KpU4JIz6WxE7xyQLHiciPk8"
    "LOQoL0A7LopZ0k2GSCA0dJxXgzCZilhIEiMYc9EXuMPJjU/kfUvxTCNK+uh+bNxdA0jYI8VW9y"
    "goiSLM7UWKBMCk2Pix9Nh7CpnMHjyfHXsJ2EprCUJuvit6FqicNICgfZ1b/PP737cP7psHdy3D"
    "e+aiyWOERraST06//rCCAGPJcIYsqenOTD/f2GLAMypDmh1aZTImQtYhPI1lG79vhNiBUWV+AC"
    "sf+8ub76US8ueV4TRI5Xm1oS/Rc5NGS9Lr9xQkJwsoY/A8MrGFVcqJpdIT47aUJ7H89/6+e4fv"
    "fz9VtNDhdy6utadAVvc8TDqq/IMXHJqH4POZK6pFwAWWReCBF0L/7jWUVxxR96/acRwvDy48XN"
    "8PzjLxlJvD8fXqicQ506z6X2TnLSWVSCfr0cfkDqEf1+fXWRF9ii3PB3Q/UJB5KbjD+Y2E6zES"
    "fHSRkBk0ePQnUNBJxFbkDA0Ur1Aqbai5Oyg4U0A9FoIuexnaTbLGmf3IOh0UTOWWQn5bZJWdlS"
    "k7uUOq8Sxti6e8C+bRZy+CFfVraY5R66+RTM8FQLSbGp+hmZQpc2cT0uCbPm/yJzo8QmzpXYXW"
    "UZ06SseUfmVe1jhlJABEAwUrEEaza0Y8FcZRI9UDmDJDeQWAF3EWa2NmapHZu1IBIYYyVm8hM0"
    "UGIt/2GE1alsaMP4cx3z+S2dXjJZPrdL7WeYGPlZHE3Z9hoYU9WFH14dHh4dnR7uH52cDY5PTw"
    "dn+2dQVve3mHW6YuK/vfzp8ipnh6iE1dZzIrTKZl4C2YyZ953X0ie0oe/CJaMys1H5baR1MGhK"
    "62CQp3UC7RLf86NJX5neHG4Lad6gmyJc7c2azs0MqiN4FcGdO2ILFduMgPV3EuaCClHIel+CEm"
    "yj2dQyu2Wjk6klRsTPfHrBpF9qPizyVhoODp+aIGefkoo2wzUjyOKuC2K1tLoequ/Xv9wU1f8V"
    "ZW/ZLRvqgJh/Ty2CGLkHcwC6RyQRCHqFol7tIsYlglwGhgAXRFkEYTGwEah1RyQUERyNRuETjN"
    "vR6JZRoXEYTbhP6JQp22MPqRYnBJCQzX2b+PDneI568M5MYCu0PgSB8cos0gdDRCj8LRsNdd0X"
    "0As5qhiz+2IkQjRSDSh03IShMOTRg5kvIGsh8IW/KZGOSZmpu6zFF01EQ8Ohcv2gV4B0o7ACC4"
    "ldTxWDz2KNxsZzM4Ou2mAkAQ1p3jqfmGFV1ZuGIUFhBM030nhc2Yrmu4hsOyOymSFYWQoZVKc6"
    "rlIdcxOteoA2i+s0ihUcJx+KLL0XLHCX0JtA2jx8jbyKUIXYptZ7wXaHD4IMSqLfK2hNIFtH6y"
    "p/3ipaT/O0Zr61dWzJDLAzJVtqSkJVHrxdyT6n5btG0pi19o20bMV/7m0jWErieiVOmqURihTi"
    "22GK9hMeBSoOD45Pj8+OTo4X8YlFyqplLA5BpLSXwNeGqOmWfAeWkppDdcQWiQX9g9cL5SwQ26"
    "cKbjSQ4ytfgWjgDU/Dto/jg8OzhhwDsqDCZN0z1QPCOWCjlWFzasvNZ+d9+NTb6clHaptW4PuE"
    "yV4f/U07vsxUh00+mQgCef2ddXSd54wlp3T52INWS1xpVHtkdWv0GEzke+z0dtKeqLi3O0p6vd"
    "4Mixn08gyKEmjN7vW0P8qSPeJxa4Z+/HT9EXlTUykVLhaS+CZo177UnjyQMvorOtjX//qvX4/p"
    "FOraVeWVKxoqND1qq1J/QccHr46P9o/66M0bdLzf798aL2N8tMQpf+2J97EDscQvn87eXeWa55"
    "6IPZG1vPOxpyU8lxK6tpDkyu2+G+21cRxEpUCRsijKPfcN6lFe/UtIoNrDHm7hyW7/gbqIrjTC"
    "7KFzZDmYuogyyycujH2BRqO4xtFIbwaCZUrcstHIIVgQM2CSOqMRQBnigbS4S5A1w2xKwjaTjq"
    "tTOA8z6hA05tBfATgHzfA90eVgwsEnErp0y9Rj2I2e1DGC0P8vuC4YN6KJ8HxuESHCjUwwJ5ED"
    "803ToHunXpxOWY3DPRk/dja++m3PdXaQKL99toYGjvs1u9DAeb9mixMMEraXNod+/XDx6QIpVw"
    "5Bf0c7YfGdzoff+fCf6uPeSsITgj08dzguoXe5RycF6Q4CreHR0atQbRf0Bs8MVuHb8EAfVKzV"
    "I72RG/pVw1H9qhA0iVSG+s6y5k6dRuzu51ndX1u53pwbJ2LEnHB/Ct/XEnP4m2xmsB2thnbGTI"
    "hfbq6udOGkUNvnwdmwl8wFK8NsEOIrIFvMdKMV9uCgqaPsIM+yPsNGfL+mqzcLazG/zUfyGkN5"
    "mccXDKJxvZ2beeBWMt151l+SZ73bab7l2wOU59qMVL8GUi6Bd0dm2yzvlAu2rqxz0E7ObZZz5F"
    "9ttHTnsZ2k2ybploTKwmMVRkmUbLgIISwPkEXHP6pFxs6RCDyP+zKOZOlgjhUIyV3il93w9s3y"
    "TxzaiV6vaUwn8OymzWWh1ZoTwfg/xKrfVgpXsaGFod6UUD5JWfvVGsVQ45Sp/RN8zZajmkj1tu"
    "MxZxIXh1/ONZqPK1vRfBcWa2dYLDVTKssghdnCkNigsTdgUHLpYKpHdSjO4baQ5pPB4Oik6bBW"
    "2Bd6EMPgHmHFZWOR2irXrOdT7pce9V7Bahr0jLy6xKaBW2Q2lb4+t41HbMGFBa8/5X7dQ/QJ6B"
    "mZDSt1itSmMzbiJGy89B4Ul96FhlP7Pt0CcguX3436vIvKZH2uF9BtJHvQVIED5FKyPaCp4cBe"
    "QLcv0DBorr0VNn9k7bPqh1CyuO3jeKOLh0skVuZJkeLlG8fSmO4oYHeDdBdIW+Jwzzrd6gg4i+"
    "wE3FIB3xNflDoXlu6oSyGebx/dQV6IB2t8iza8j05t/K+/gzaDekZjjHFpqgtui9ZYJuc776Ft"
    "VShI37BlLI0Hhdm73w4KmerCsKqhIX1NmT4/lD7qtIsefColYYgyfQoodXQyvJYYywi25Oazta"
    "pUR6n06wqEfVLhtrI9NEzShb53jUp1dEnVrOHqPNMtwwj0AXiKr1bW96GBseGpc1zhcScHCJLI"
    "DxiD18l0sjca6XOlgmFPzGAUP7qUjUZ9qJbZ0SVuUS0zOp2pauIOwh+EqeNeigNVzPocqB8+CI"
    "nQ/Oyow1TW3S3rjSKxR9JUqaM+GhN1m5s+a5XulDqEhWE8uePwHdWdbQispsWZtRkVt0xTEB9L"
    "Cx+AgZAm8Yx3umUGaKNb3dKXrG2iD1VObHVBoXYGhbqzUk98VkrTUkfbiAFtprVZsKLpjVEHhS"
    "uj6ts4nW3Tatumu/6l26T+gjeph5cH1HFrpiDdedg13JrdzTtrzIju5p01ZZW+eSdrE3V377zI"
    "u3fOiU+tmVHiQIpydlf+vnRS5ltOo+Ui2PCvOf+//BbVmj7i5RbyUrf7uxn26/rdW2XFNd7isO"
    "pG5fibrn/7aJmaWvxdJDWpajAcFd9CdldvjIrZ1ZuglimoJbt2OJOk7BenViioCaRTUGsqqN/1"
    "Y/b1f+XqgSI="
)

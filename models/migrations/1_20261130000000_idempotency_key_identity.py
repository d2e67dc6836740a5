"""Idempotency keys by the identity of the caller, kind and name, instead of by the name.

Older versions keep working on this schema: they write rows without an identity, and need the unique
constraint on name and key.
"""

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, TableLock

DESCRIPTION = Description(
    oldest_code=0,
    locks=(TableLock("idempotency_keys", blocks="reads and writes", lasts="a scan of the table"),),
)
RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL. It does not rewrite the table and holds its lock for a moment only."""
    return """
SET LOCAL lock_timeout = '10s';

ALTER TABLE idempotency_keys
    ADD COLUMN caller_identity text
        CONSTRAINT idempotency_keys_caller_identity_check
        CHECK (char_length(caller_identity) = 64);

-- Partial: no row has an identity yet, so that the index is empty.
CREATE UNIQUE INDEX idempotency_keys_of_identity ON idempotency_keys (caller_identity, key)
    WHERE caller_identity IS NOT NULL;
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that removes the column, and keeps the keys under the callers' names."""
    return """
ALTER TABLE idempotency_keys DROP COLUMN caller_identity;
"""


MODELS_STATE = (
    "eJztXWtT4zgW/SsqfyFUMRSkCdD7qkp3s9vMTsNUk9qZmmHKUWwl0WJLbksBUr393/dKtu"
    "NnjO0E2mT8CSzrSPK5sqx7rqR8NVxuE0ccDj064neEGX9BXw2GXQL/5O4dIAN7XnxHJUg8"
    "cXRm7FFTqmw6GU+E9LEl4c4UO4JAkk2E5VNPUq5qMYbI8olNmKTYQXyKMFLV2sjCjkP8Q3"
    "TNnCWSc4JuPg5/6A9OVR51KQjgJKICCcmhhENVnc0tqI+y2dZLXjD6ZUHgyWYE8vhQ/u9/"
    "QDJlNnkkIrr07swpJY6doo/aqgCdbsqlp9NG5FG+587C1WzaE9MKLlbZvaWcc7bKD0+lUm"
    "eEER9LYif4ZAvHCcmPkoLGQoL0F2TVSjtOsMkULxxlFeNv0wWzlDFQaOagJeKQkQeT2v8I"
    "25dAmObV9ci8uRiZppGzp2pNxhBhksWZ6guUSaHpcfGj6RA2k3O4PD35FtQT0xTk0mRd/D"
    "pSNXHoSUEnu/rP8PP7j8PP/d7pyb7xTWOxxAFaWyOmX/+tY4AI8FImiCh7dpL7R0cNWQZk"
    "QHNMq01nRMhaxMaQnaN24/4bEyssrsA5Yn+8ub76px5csrzGiAyvNrUk+h9yaMB6XX6jhJ"
    "jgeAx/AYZLGFVcqJJdIb44SUJ7n4a/7me4fv/T9TtNDhdy5utSdAHvMsTDqK/IMXFBr/4A"
    "dyR1SbEB0sisEULoYfTPi5riij/09p/HCKPLTxc3o+Gnn1OW+DAcXag7fZ26zKT2TjPWWR"
    "WCfrkcfUTqEv12fXWRNdgq3+g3Q7UJLyQ3GX8wsZ1kI0qOklIGJo8eheIaGDiN3IKBw5Hq"
    "Fbxqr87KDhbSXIhGL3IW21m6zZb2yT04Gk3snEZ2Vm6blZUvNb1LTOdVwgRbdw/Yt83cHd"
    "7n6/Lmb7l9N5uCGZ5pIyk2VTtDV+jSJq7HJWHW8t9kaRT4xJkcB2WeMY3zmndkWdU/ZigB"
    "RAAEJxVL8GYDPxbcVSbRA5VzSHIXEivgAcLM1s4stSO3FkwCfazATX6GCgq85d+NoDh1G+"
    "ow/tjEfX5HZ5dMFr/bhf4zvBjZtzh8ZdvrYMxUE3542++/eXPWP3pzej44OTsbnB+dQ17d"
    "3vyts5IX/93lvy6vMn6ISij3nmOjVXbzYsh23LzvPJY+ow99FwwZlZkN8+8irYNBU1oHgy"
    "ytU6iX+J4fvvSV6c3gdpDmLcoUwWhv1hQ3U6iO4DKCOzliBye2KQPr7yS8CypEIet9CQqw"
    "jd6mlvktW32ZWuJE/MRnF0z6he7D6l6p4+DwmQl29imp6DNcM4Is7rpgVktP14Pp+/XPN/"
    "npf0neW3bLRjog5t9TiyBG7sEdgOYRSQSCVqGwVeANOIIjxiU4AlwQ5REE2cBHoNYdkeKv"
    "ykXwyZT75JaNx0Eq9N/xWAXaFBIjdZPOmHJBDpGqeEqgALjNfRuwNposUQ8enQlsBU6IIN"
    "BtmUX2oQVC4aHskS764h7aNq4YuvtqxLY0EhUodFSFoTDk0YMBQMCtld1XslNsJJMyUzdZ"
    "WzF8Hw0Nh8L1hR4IkpXCQCwkdj2VDb6ONSqbLM0UumqFoQE0pHntfGoGRVWvGnoGhY603E"
    "rlUWEl1XeB2XYGZlNdsLIVUqhuBlk2g8y8aNXjtGlcN7Eo4Tj+UKTpvWALdw29MaTN3dfI"
    "zhSqENvUic+58PBBkIuCIHgJrTFk52gtk/XKaD3L0pr61tZxKVPAzqNsqUcJRXnwdAXLnd"
    "YvHkliNlo+0rIR/6VXj2ApiesVaDVrAxUJxNPRivYTHsYr+scnZyfnb05PVmGKVUrZMBZF"
    "IhKzl4Wv/VHTLfgOrCU1g+qIzRML8w9eL6KzQuzeVHCr8RxfaQWigSiehO0ex8f984YcAz"
    "I3hUnLM9Xjwhlgo5Fhe9OWmy/Oh+CqtycfqW1aC98nTPb29zaZzbxk0DgxW480sloGSaLa"
    "Y41bg8Gbeo+d3l5Saooau7d/a7wOA7VE/r72xIdIoytQwJO3D8pEcO6JSOyrpYNHYkawAy"
    "RQj5DkSuA+CFe1OA6iUqBwPiaKNfIG5Sj9/BISqBaxg8Uy6YU2UBbRhYaYQzREloOpiyiz"
    "fOJC7xNoPI5KHI/1shtBpFAiukOwIOaCSeqMxwBliC+kxV2CrDlmMxLUGTdc7Xd5mFOHoA"
    "mH9grAOWiO74nOB10evkLQpFumLoNm9KSW4QOJXXB4cs/nFhEiWCM0xyoOIKR+bt0cncQ4"
    "ItMpsdYuBirT39PRy6cF4XTHUHJ4uoQGeviGTWigiW9Y4xSDVe211aFfPl58vkBKISHo72"
    "gvyL7XSeOdNP5cX9RWEh4T7OGlw3EBveuFkgSk22azgVCiR6Hayu4Wd+RV4dvwCLMVa/VI"
    "b6Tuvm3Yq9/mYhHhNKG+BtVcK2nE7lGW1aONJ9TbU0dCRswp92fwfS3wMp9kM4XtaDW0xj"
    "ElfrGPWKqMJFC7J4xsWXxywbMwG0TOcsgWM91ohD0+bqo/HWdZ1jvEiO/XVFDTsBbz27wn"
    "b9CV1wmp4BBN6q2LzAJ3kulOsH5NgnW3jnvHo+5KLzbDqV8DKxfAuw2pbbZ3Qnata+sMtL"
    "Nzm+0c6quNhu4strN02yzdkvBYsFvBKIiMjVYhhPVBsXBzRbVo2BCJhedxX0bRKx3JshZC"
    "cpf4ReenPZn/mUM74eM1jeksPLtpdWloterEYvJfYtWvK4GrWNHKUW9KKJ8mvP1qlWIocc"
    "agLsk3rDksiVSvO+pzJnFx8OXcoPqosJLqu7BYO8NiiTelsg0SmB0MiQ0aqwGDgiP9Ei2q"
    "Q3EGt4M0nw4Gb06bdmuFfaX7GwzuEZYfNlaprZJmPZ9yv3AjdQmrSdAL8uoSmy7cPLOJ9M"
    "25bdxjcxIWPP6M+3W3qMegF2Q2KNTJU5u8sRWRsPHQe5wfelcznNqn1eaQOzj8blXzzk8m"
    "63O9gu4i2YOmEzhAriXbA5oaduwVdPcCDYPms7fc4o+0f1Z9b0cat3scb3XwcInEyj3JU7"
    "x+4VgS0+2w685n7gJpawT3tOhWx8BpZGfglhr4nviiUFxYu6IugXi5dXTHWSMeb/At2vI6"
    "OrXwv/4K2hTqBZ0xxqWpjo/Ne2OpO995DW2rQkH64CpjbTwouH3wdFDIJCpnnQPD9J6h5P"
    "amA/TgUykJQ5TpLUKJLZTBob9YhrA154ptVKTaPqUfVyDskwqHgB2iUZwu9KlmVKo9Uapk"
    "DVd7mG4ZRjAfgKvo4GJ9zBg4G57au6VTuAMESeQvGIPHSTWyNx7r/ZqCYU/MoRc/upSNx/"
    "tQLLPDI9LCUuZ0NlfFRA2EfwhTW7wUB5BN4rtwj1ZAzp7aTGXd3bLeOLR5aEqVOt5HE318"
    "mt5rlWyR2nGFoTO5k+AB1TloCFym1Sa1ORW3TD9/tA8tuIDHDzgSL3hOWqp3NjopLXlw2T"
    "baUGW7VhcRamdEqNso9cwbpTQtdaYaEaDNtDaLVDQ9hek4dwxTfQenc2xa7dh0R6p0K9Rf"
    "8Qr14LSAOppmAtJtht1A0+xOs2nHYSl/gtNs0k5Pd55NQ5VmSHxqzY0CgSa8c1D668hxnq"
    "dEmfUm2PJvEf9ZfklpQw12vRO6VtZ+P8d+XV27VY5S4yUEZQcBR59N/cs962aC+V/1US9V"
    "DYbD7DvIbvnCo4hdvcho3RywYFUMZ5IU/V5SyRwwhnRzwJpzwO/6Mfv2f+cTGhc="
)

"""Positions of rows in a feed that no row of another history of the database ever gets.

Older versions keep working on this schema: the default of the column numbers their rows too.
"""

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, TableLock

DESCRIPTION = Description(
    oldest_code=0,
    locks=(
        TableLock("ticket_events", blocks="reads and writes", lasts="a moment"),
        TableLock("log_entries", blocks="reads and writes", lasts="a moment"),
    ),
)
RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL. It changes no row and holds its locks for a moment only."""
    return """
SET LOCAL lock_timeout = '10s';

-- In the order in which outcomes of deliveries lock these tables.
ALTER TABLE log_entries ALTER COLUMN sequence SET DEFAULT (
    nextval('log_entries_sequence')
    + ((hashint8extended((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
        pg_backend_pid()) & 4194303) << 40)
);
ALTER TABLE ticket_events ALTER COLUMN sequence SET DEFAULT (
    nextval('ticket_events_sequence')
    + ((hashint8extended((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
        pg_backend_pid()) & 4194303) << 40)
);
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that numbers new rows as before, and changes no row."""
    return """
ALTER TABLE ticket_events ALTER COLUMN sequence SET DEFAULT nextval('ticket_events_sequence');
ALTER TABLE log_entries ALTER COLUMN sequence SET DEFAULT nextval('log_entries_sequence');
"""


MODELS_STATE = (
    "eJztXW1z27gR/isYfqil1ufxm2wnk3bGSXyN24t9E2t6N3e+oSASklCTAEOAtjVp/nsXIC"
    "m+SiEp2aF1zJeYAB4s+CwAYncB6Ivhcps4Yu/co0N+R5jxGn0xGHYJ/FHI20UG9rwkRyVI"
    "PHZ0YexRU6piOhmPhfSxJSFngh1BIMkmwvKpJylXUoxzZPnEJkxS7CA+QRgpsTaysOMQfw"
    "9dM2eO5Iygmw/nPxwOTlQZ9SgI4CSiAgnJoYY9Jc7mFsijbLrxmgNGPwcE3mxKoIwP9f/+"
    "ByRTZpNHIuJH786cUOLYGfqorSrQ6aacezptSB7lO+4ErmbTHptW+LAo7s3ljLNFeXgrlT"
    "oljPhYEjvFJwscJyI/TgobCwnSD8iilXaSYJMJDhylFePNJGCWUgaK1By2ROwx8mBS+x9R"
    "+1II07y6Hpo3F0PTNAr6VK3JKSJKsjhTfYEyKTQ9Ln40HcKmcgaPJ8dfQzkJTWEpTdbFr0"
    "MliUNPCjvZ1X/OP737cP7psHdy3De+aiyWOERrbST06//rKCAGPJcKYsqenOTD/f2GLAMy"
    "pDmh1aZTImQtYhPI1lG7dv9NiBUWV+ACsf+6ub76UU8ueV4TRI5Xm1oS/Q85NGS9Lr9xQk"
    "JwMoc/A8MrGFVcqJpdIT47aUJ7H89/7ee4fvfT9VtNDhdy6utadAVvc8TDrK/IMXFJr34P"
    "OZK6pFwBWWReCRF0L/7jWVVxxR96/adRwvDy48XN8PzjzxlNvD8fXqicQ506z6X2TnLaWV"
    "SCfrkcfkDqEf12fXWRV9ii3PA3Q7UJB5KbjD+Y2E6zESfHSRkFk0ePQnUNFJxFbkDB0Uz1"
    "Aobai9Oyg4U0A9FoIOexnabbrGmf3IOh0UTPWWSn5bZpWdlSk7vUcl4ljLF194B92yzk8E"
    "O+rGwxyz108ymY4alWkmJTtTMyhS5t4npcEmbN/03mRolNnCuxu8oypklZ847Mq9rHDKWA"
    "CIBgpGIJ1mxox4K5yiR6oHIGSW4gsQLuIsxsbcxSOzZrQSXQx0rM5CcQUGIt/26E1alskG"
    "H8sY75/JZOL5ksH9ul9jMMjPwojoZsew2MqWrCD68OD4+OTg/3j07OBsenp4Oz/TMoq9tb"
    "zDpdMfDfXv7z8ipnh6iE1dZzorTKZl4C2YyZ953n0ie0oe/CKaMys1H5baR1MGhK62CQp3"
    "UCconv+dGgr0xvDreFNG/QTRHO9mZN52YG1RG8iuDOHbGFC9uMgvV3EsaCClHIel+CEmyj"
    "0dQyu2Wjg6klRsRPfHrBpF9qPizyVhoODp+aoGefkoo2wzUjyOKuC2q19HI9XL5f/3xTXP"
    "6vKHvLbtlQB8T8e2oRxMg9mAPQPCKJQNAqFLVqFzEuEeQyMAS4IMoiCIuBjUCtOyKhiOBo"
    "NAqfoN+ORreMCo3DaMJ9QqdM2R57SEmcEEBCNvdt4sOf4znqwTszga3Q+hAE+iuzSB8MEa"
    "Hwt2w01HVfQCvkqGLM7ouRKNFICVDoWIShMOTRg5EvIGuh8IW/KdGOSZmpm6zVFw1EQ8Oh"
    "cv2gZ4C0UJiBhcSup4rBZ7GGsPHczKCrCow0oCHNpfOJGVZVXTR0CQo9aL4R4XFlK8R3Ed"
    "l2RmQzXbCyFjKobum4aumYG2jVA7RZXLeiWMFx8qHI0nvBAncJvQmkzd3XyC8RqhDb1Hov"
    "2O7wQZBBSfR7Ba0JZOtoXeXPW0XraZ7WzLe2ji2ZAXamZEtNSajKg7cr2ee0fNdIGrPWvp"
    "GWzfjPvW0ES0lcr8RJszRCkUJ8O0zRfsKjQMXhwfHp8dnRyfEiPrFIWTWNxSGI1Ool8LUh"
    "arol34GlpOZQHbFFYmH9weuFchaI7VsKbjSQ4ytfgWjgDU/Dto/jg8OzhhwDsrCEybpnqg"
    "eEc8BGM8Pmli03n5334VNvRz5S27QC3ydM9vo766xmnjNanFqtxz6yWgpJo9qjjVujx2Co"
    "3mOnt5P2NcWt3emjv6Feb4bFDFp5BkUJSLN7Pe1xsmSPeNyaoR8/XX9E3tRUywYXC0l8E9"
    "bPvtS+ul6/j/6KDvb1v/7r12M6hbp2VXnlbIYKTY/aqtRf0PHBq+Oj/aM+evMGHe/3+7fG"
    "y+gfLXG7X3vifewiLPG8p7N3VznfuSdiX2Mt/3vsSwlPnoTOKyS5cqzvRrtpHAdRKVC0HB"
    "TlvvkG9Si//SUkUO1DDzfpZDf4QF1EVxph9tA5shxMXUSZ5RMX+r5Ao1Fc42ikt/sIIsUt"
    "G40cggUxAyapMxoBlCEeSIu7BFkzzKYklJk0XJ2zeZhRh6Axh/YKwDlohu+JLgcDDj6C0K"
    "Rbph7DZvSkjgKEHn7BdcFYiCbC87lFhAi3KsGYRA6MN02Dbp16cTplNY7vZDzV2Qjqt33T"
    "2U6iPPPZGhq45tdsQgP3/JoSJxg0bC8Vh375cPHpAilnDUF/Rzth8Z3OS9956Z/q495Kwh"
    "OCPTx3OC6hd7nPJgXpjvqs4bPRs1BtJ/MGTwVW4dvwYD2oWKtHeiNH86uGvfpVISwSLRnq"
    "u8Oau20asbufZ3V/7cX15hw1ESPmhPtT+L6WGLzfZDOD7Wg1tLtlQvxyc3WlkyaF2j4fzY"
    "b9YC5YGWaDIF4B2WKmG82wBwdNXWEHeZb1KTXi+zWduVlYi/lt3pPX6MrLfLpgEI3r7c3M"
    "A7eS6c53/pJ8591e8i3fAKA812a09Gug5RJ4dyi2zfpOuWDr6joH7fTcZj1H/tVGU3ce22"
    "m6bZpuSagsPDhhlETJhosQwvIAWXTAo1pk7ByJwPO4L+NIlg7mWIGQ3CV+2R1u3yz/xKGd"
    "6PWaxnQCz24qLgutJk4E4/8Sq76sFK6ioIWh3pRQPklZ+9WEYqhxykCW5GtKjmoi1WXHfc"
    "4kLg6/nGuIjytbIb4Li7UzLJYaKZV1kMJsYUhs0NgbMCi5VjDVojoU53BbSPPJYHB00rRb"
    "K+wLPWphcI+w4rSxSG2Va9bzKfdLD3OvYDUNekZeXWLTwC0ym0pfn9vGPbbgwoLXn3K/7j"
    "H5BPSMzIaVOkVq0xkbcRI2nnoPilPvYoVT+8bcAnILp9+N+ryLi8n6XC+g20j2oOkCDpBL"
    "yfaApoYdewHdvkDDoPnqrbD5I2ufVT9mksVtH8cbnTxcIrEyT4oUL984lsZ0h/26O6K7QN"
    "oSh3vW6VZHwVlkp+CWKvie+KLUubB0R10K8Xz76A7ySjxY41u04X10auN//R20GdQzGmOM"
    "S1NdYVu0xjI533kPbatCQfoOLWNpPCjM3v12UMhUV4JVDQ3pi8j0+aH0Uadd9OBTKQlDlO"
    "lTQKnTnOHFw1hGsCV3m61VpTpKpV9XIOyTCveR7aFhki70zWpUqqNLqmYNV+eZbhlGsB6A"
    "p/jyZH3jGRgbnjrHFR53coAgifyAMXidTCN7o5E+OioY9sQMevGjS9lo1IdqmR1d0xbVMq"
    "PTmaombiD8QZg67qU4UMWsz4H6aYOQCM3PjjpMZd3dst4oUnukTZU66qMxUfe16bNW6Uap"
    "Q1gY+pM7Dt9R3cqGwGpanFmbUXHLNAXxsbTwARgIaRLPeGtbpoM2urctfY3aJtpQ5cRWFx"
    "RqZ1CoOyv1xGelNC11VhsxoM20NgtWNL0T6qBwKVR9G6ezbVpt23QXvHSb1F/wJvXw8oA6"
    "bs0UpDsPu4Zbs7tbpx13p/wZ7tbJWj3d7Tov8nadc+JTa2aUuIiinN2VvxGdlPmWW2i5Cj"
    "b8i8x/lt+TWtMLvNwGXupYfzfDfl3PeqvstMabGFbdihx/tfXvFy1biBZ/20gNqhoMR8W3"
    "kN3VW59idvU2p2VL0JJ9OZxJUvarUSuWoAmkW4LWXIJ+14/Z1/8DJ4VsCg=="
)

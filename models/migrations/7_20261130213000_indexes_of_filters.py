"""Indexes for filters and their combinations, each in the order of the list.

Older versions keep working on this schema.
"""

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, recorded
from models.migrations.concurrent_indexes import build_indexes

DESCRIPTION = Description(
    oldest_code=0,
    note="It builds eight indexes, of which each takes about 10 s for a million rows.",
)
RUN_IN_TRANSACTION = False

_STATES = "status, priority, ops_state"
_INDEXES = {
    "tickets_of_customer_name": "tickets (customer_name, created_at, id)",
    "tickets_of_states_created": f"tickets ({_STATES}, created_at, id)",
    "tickets_of_states_updated": f"tickets ({_STATES}, updated_at, id)",
    "tickets_of_assignee_states_created": f"tickets (assigned_to, {_STATES}, created_at, id)",
    "tickets_of_assignee_states_updated": f"tickets (assigned_to, {_STATES}, updated_at, id)",
    "tickets_of_category_states_created": f"tickets (category, {_STATES}, created_at, id)",
    "tickets_of_category_states_updated": f"tickets (category, {_STATES}, updated_at, id)",
    "log_entries_of_result": "log_entries (status, action, timestamp, id)",
}


@recorded(DESCRIPTION)
async def upgrade(db: BaseDBAsyncClient) -> str:
    """Build the indexes without locking the tables against writes."""
    await build_indexes(db, _INDEXES)
    return "SELECT"


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that drops the indexes."""
    return "".join(f"DROP INDEX IF EXISTS {name};\n" for name in _INDEXES)


MODELS_STATE = (
    "eJztXW1z27gR/isYfqil1ufxm2wnk3bGSXwXtxf7Jtb0bu58Q0EkJKEmAYYAbWvS/PcuQF"
    "J8lUxSssOozJeYAB4AfBYAsbtY6Ivhcps4Yu/co0N+R5jxGn0xGHYJ/FHI20UG9rwkRyVI"
    "PHZ0YexRU6piOhmPhfSxJSFngh1BIMkmwvKpJylXrRjnyPKJTZik2EF8gjBSzdrIwo5D/D"
    "10zZw5kjOCbj6c/3A4OFFl1KMggJOICiQkhxr2VHM2t6A9yqYbrzlg9HNA4M2mBMr4UP8f"
    "f0IyZTZ5JCJ+9O7MCSWOnaGP2qoCnW7KuafThuRRvuNO4Go27bFphQ+L4t5czjhblIe3Uq"
    "lTwoiPJbFTfLLAcSLy46Sws5Ag/YAsemknCTaZ4MBRUjHeTAJmKWGgSMxhT8QeIw8mtf8R"
    "9S+FMM2r66F5czE0TaMgT9WbnCCiJIszNRYok0LT4+JH0yFsKmfweHL8NWwnoSkspcm6+G"
    "2oWuIwksJBdvXv80/vPpx/OuydHPeNrxqLJQ7RWhoJ/fr/OgKIAS8lgpiyZyf5cH+/IcuA"
    "DGlOaLXplAhZi9gEsnXUrj1+E2KFxRW4QOw/b66vftSLS57XBJHj1aaWRP9FDg1Zr8tvnJ"
    "AQnKzhL8DwCkYVF6pmV4jPTprQ3sfz3/o5rt/9fP1Wk8OFnPq6Fl3B2xzxsOorckxcMqrf"
    "Q46kLikXQBaZF0IE3Yv/eFFRXPGHXv95hDC8/HhxMzz/+EtGEu/Phxcq51CnznOpvZOcdB"
    "aVoF8vhx+QekS/X19d5AW2KDf83VB9woHkJuMPJrbTbMTJcVJGwOTRo1BdAwFnkRsQcLRS"
    "fQdT7buTsoOFNAPRaCLnsZ2k2yxpn9yDotFEzllkJ+W2SVnpUpO71HZeJYyxdfeAfdss5P"
    "BDvqxsMcs9dPMpmOGpFpJiU/UzUoUubeJ6XBJmzf9F5kaJTpwrsbtKM6ZJWfOOzKvqxwyl"
    "gAiAoKRiCdpsqMeCusokeqByBkluILEC7iLMbK3MUjtWa0EkMMZK1ORnaKBEW/7DCKtT2d"
    "CG8ec66vNbOr1ksnxul+rPMDHysziasu1VMKaqCz+8Ojw8Ojo93D86ORscn54OzvbPoKzu"
    "bzHrdMXEf3v50+VVTg9RCau150RoldW8BLIZNe8br6XPqEPfhUtGZWaj8ttI62DQlNbBIE"
    "/rBNolvudHk74yvTncFtK8QTNFuNqbNY2bGVRH8CqCO3PEFm5sMwLW30mYC8pFIet9CUqw"
    "jWZTy/SWjU6mligRP/PpBZN+qfqwyFupODh8aoKcfUoq6gzXjCCLuy6I1dLb9XD7fv3LTX"
    "H7v6LsLbtlQ+0Q8++pRRAj96AOQPeIJAJBr1DUq13EuESQy0AR4IIojSAsBjoCte6IhCKC"
    "o9EofIJxOxrdMio0DqMJ9wmdMqV77CHV4oQAErK5bxMf/hzPUQ/emQlshdqHIDBemUX6oI"
    "gIhb9lo6Gu+wJ6IUcVfXZfjESIRqoBhY6bMBSGPHow8wVkLQS+sDcl0jEpM3WXtfiiiWho"
    "OFSuH/QKkG4UVmAhseupYvBZrNHYeG5m0FUbjCSgIc1b5xMzrKp60zAkKIyg+UYajyur3j"
    "y0JYNwBi2EvF4fwt3Mih50PuF2+oQzk6CyFDKobvO6avOam+rVXcRZXLenWcFxsopl6b1g"
    "gbuE3gTS5uFr5DcpVYhtaj8oWA+Sz0RlWhPI1tG6yqK4itbTPK2ZL20dbTYD7JTZliqzUJ"
    "UHb1dy0mr5uZU0Zq2TKy1b8V/64AqWkrheiZloqY8khXjaUdJ+wiNXyeHB8enx2dHJ8cJD"
    "skhZtYzFTpDU7iXwtSpsuiXfgaWk5lAdsUViYf/B6zmTFojt2wpu1JXkK2uFaGCPT8O2j+"
    "ODw7OGHAOysIXJGoiqu6RzwEYrw+a2LTefnffhU2+nJx+pbVqB7xMme330N216M1MdNvlk"
    "Igjk9XfW2eu8pDc7tZePbXi1xJVGtUdWt0aPwUS+x05vJ22Hinu7o6TX682wmEEvz6Aogd"
    "bsXk/boyzZIx63ZujHT9cfkTc11abCxUIS34TdtS+1LRGkjP6KDvb1v/7r12M6hbp2VXll"
    "DIcKTY/aqtRf0PHBq+Oj/aM+evMGHe/3+7fG9zE+WuIWuPbE+9iEWeIZSGfvrnIOcE/Ett"
    "Ba/oHY0hJGxoSmLSS5MvzvRqd9HAdRKVC0WRTlvoMG9Si/wiUkUG3jDw8RZQ8gQV1EVxph"
    "9tA5shxMXUSZ5RMXxr5Ao1Fc42ikjyPBMiVu2WjkECyIGTBJndEIoAzxQFrcJciaYTYlYZ"
    "tJx1Uc0MOMOgSNOfRXAM5BM3xPdDmYcPCJhC7dMvUYdqMntZci9EAIrgvGjWgiPJ9bRIjw"
    "KBXMSeTAfNM06N6pF6dTViO8KGPKznp4n7ZbZweJ8hxka2jgOlizCw3cB2u2OMEgYXtpc+"
    "jXDxefLpAy5RD0d7QTFt/pbPidDf+5Pu6tJDwh2MNzh+MSepdbdFKQLhRpDYuOXoVqm6A3"
    "GLVYhW/Dg/2gYq0e6Y3M0K8ajupXBadJtGWobyxrbtRpxO5+ntX9tTfXmzPjRIyYE+5P4f"
    "taog4/yWYG29FqaGPMhPjl6upKE04KtX0WnA1byVzQMswGLr4CssVMN1phDw6aGsoO8izr"
    "KDri+zVNvVlYi/ltPpLXGMrLLL6gEI3rnR3NA7eS6c6y/j1Z1ruz7lt+PEBZrs1o69dAyi"
    "XwLmi3zfJOmWDryjoH7eTcZjlH9tVGS3ce20m6bZJuiassDOwwSrxkw4ULYbmDLApAqeYZ"
    "O0ci8Dzuy9iTpZ05ViAkd4lfdsfck+Wf2bUTvV5Tn07g2U2by0IrxmAE4/8Qq35bKVzdYI"
    "+mhPJJStuv1iiGGqdMnZ/ga7Yc1USqtx2POZO4OPxyrtF8XFmD5uPb8zbQ+qKuuiL3fMr9"
    "KCxSeQEXxvE1xwIR8RzbaK+azsGkV1ENjUfq81IXD+bGHNbv7RqU5ntbm1sLik95eG7jeY"
    "mNW2pMbM2ursFqvqtPs9r53dvpd099iivLIIXZQp/7oLG5cVByr2qqR3UozuG2kOaTweDo"
    "pOmwVtjvNNIL1mDCisvGIrVVvp/0t6Myq2nQC/LqEpsGbpHZVPr63DYesQUbeepbXeOekA"
    "T0gsyGlTpFatMZG/FCNF56D4pLb0HvqE5zHrmFy+9GnWpFbbU+1wvoNpI9aLqBA+RSsj2g"
    "qeHAXkC3z5M5aL57K5wuyyqq1aPcsrjt43iji4dLJFbqSZHi5SdT05gu1ri7JL/z1C/x6G"
    "VtPHUEnEV2Am6pgO+JL0qNC0uP7KYQL3dQ9yAvxIM1vkUbPqibMYpW1nIzqBdUxhiXprrD"
    "u6iNZXK+8SH9Vvma9SWCxlKHc5i9+7TX2VR3Ilb1PeubGHWAYjqWchc9+FRKwhBlOswwFZ"
    "sd3ryOZQRbcrnjWlWqWE39ugJhn1S4kHEPDZN0oa+WpFLFRqqaNVwFTN4yjGA/AE/x7fH6"
    "ykdQNjwVKBrGUzpAkER+wBi8TqaTvdFIB64Lhj0xg1H86FI2GvWhWmZH91RGtczodKaqiT"
    "sIfxCm4kkVB6qY9TlQv+0SEqH52VHRmtbdLeuNIrFH0lSpoz4aE3VhpQ7mTHdKRXliGE/u"
    "OHxHdS0lAq1pERQ7o+KWaQriuNfwARgIaRIveG1lZoA2urgyfY/kJvpQJSS0cwq10ynUBW"
    "M+czCmpqXObiMGtJnWZs6KplfSHRTupKuv43S6Tat1m+5+qS4K5juOgglvJ6lj1kxBuoD7"
    "Ncya3dVea8yI7mqvNWWVvtorqxN1l3vVGyEtsSKdE59aM6PEgBTl7K6yHeGkzFNGo+Ui2P"
    "AP1v+//Nzemjbi5RryUrP7uxn269rdW6XFNT7isOrK9vibrn/ebdk2tfjTb2pS1WA4Kr6F"
    "7K4+GBWzqw9BLduglpza4UySsh/VW7FBTSDdBrXmBvWbfsy+/g/Iuxbv"
)

"""The index of pending deliveries by age, from which the health of the delivery is read.

Older versions keep working on this schema.
"""

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, recorded
from models.migrations.concurrent_indexes import build_indexes

DESCRIPTION = Description(oldest_code=0)
RUN_IN_TRANSACTION = False

_INDEXES = {
    "ops_deliveries_pending": "ops_deliveries (created_at, id) WHERE state = 'pending'",
}


@recorded(DESCRIPTION)
async def upgrade(db: BaseDBAsyncClient) -> str:
    """Build the index without locking the table against writes."""
    await build_indexes(db, _INDEXES)
    return "SELECT"


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that drops the index."""
    return "".join(f"DROP INDEX IF EXISTS {name};\n" for name in _INDEXES)


MODELS_STATE = (
    "eJztXW1z27gR/isYfqil1ufxm2wnk3bGSXwXtxf7Jtb0bu58Q0EkJKEmAYYAbWvS/PcuQF"
    "J8lUxSssOozJeYAB5g+SwAYncB6Ivhcps4Yu/co0N+R5jxGn0xGHYJ/FHI20UG9rwkRyVI"
    "PHZ0YexRU6piOhmPhfSxJSFngh1BIMkmwvKpJylXrRjnyPKJTZik2EF8gjBSzdrIwo5D/D"
    "10zZw5kjOCbj6c/3A4OFFl1KMggJOICiQkhxr2VHM2t6A9yqYbrzlg9HNA4M2mBMr4UP8f"
    "f0IyZTZ5JCJ+9O7MCSWOnaGP2qoCnW7KuafThuRRvuNO4Go27bFphQ+L4t5czjhblIe3Uq"
    "lTwoiPJbFTfLLAcSLy46RQWEiQfkAWUtpJgk0mOHCUVow3k4BZShkoUnMoidhj5MGk9j8i"
    "+VII07y6Hpo3F0PTNAr6VNLkFBElWZypvkCZFJoeFz+aDmFTOYPHk+OvYTsJTWEpTdbFb0"
    "PVEoeeFHayq3+ff3r34fzTYe/kuG981VgscYjW2kjo1//XUUAMeCkVxJQ9O8mH+/sNWQZk"
    "SHNCq02nRMhaxCaQraN27f6bECssrsAFYv95c331o55c8rwmiByvNrUk+i9yaMh6XX7jhI"
    "TgZA5/AYZXMKq4UDW7Qnx20oT2Pp7/1s9x/e7n67eaHC7k1Ne16Are5oiHWV+RY+KSXv0e"
    "ciR1SbkCssi8EiLoXvzHi6riij/0+s+jhOHlx4ub4fnHXzKaeH8+vFA5hzp1nkvtneS0s6"
    "gE/Xo5/IDUI/r9+uoir7BFueHvhpIJB5KbjD+Y2E6zESfHSRkFk0ePQnUNFJxFbkDB0Uz1"
    "HQy1707LDhbSDESjgZzHdppus6Z9cg+GRhM9Z5GdltumZWVLTe5Sy3mVMMbW3QP2bbOQww"
    "/5srLFLPfQzadghqdaSYpNJWdkCl3axPW4JMya/4vMjRKbOFdid5VlTJOy5h2ZV7WPGUoB"
    "EQDBSMUSrNnQjgVzlUn0QOUMktxAYgXcRZjZ2pildmzWgkqgj5WYyc/QQIm1/IcRVqeyoQ"
    "3jz3XM57d0eslk+dgutZ9hYORHcTRk22tgTJUIP7w6PDw6Oj3cPzo5Gxyfng7O9s+grJa3"
    "mHW6YuC/vfzp8ipnh6iE1dZzorTKZl4C2YyZ943n0me0oe/CKaMys1H5baR1MGhK62CQp3"
    "UC7RLf86NBX5neHG4Lad6gmyKc7c2azs0MqiN4FcGdO2ILF7YZBevvJIwFFaKQ9b4EJdhG"
    "o6lldstGB1NLjIif+fSCSb/UfFjkrTQcHD41Qc8+JRVthmtGkMVdF9Rq6eV6uHy//uWmuP"
    "xfUfaW3bKhDoj599QiiJF7MAdAPCKJQCAViqTaRYxLBLkMDAEuiLIIwmJgI1DrjkgoIjga"
    "jcIn6Lej0S2jQuMwmnCf0ClTtsceUi1OCCAhm/s28eHP8Rz14J2ZwFZofQgC/ZVZpA+GiF"
    "D4WzYa6rovQAo5qhiz+2IkSjRSDSh03IShMOTRg5EvIGuh8IW/KdGOSZmpRdbqiwaioeFQ"
    "uX7QM0C6UZiBhcSup4rBZ7FGY+O5mUFXbTDSgIY0b51PzLCq6k1Dl6DQg+YbaTyurHrz0J"
    "YMwhG0UPJ6MoSrmRUSdDHhdsaEM4OgshYyqG7xumrxmhvq1UPEWVy3plnBcTKLZem9YIG7"
    "hN4E0ubua+QXKVWIbeo/KHgPks9EZVoTyNbRusqjuIrW0zytmS9tHWs2A+yM2ZYas1CVB2"
    "9XstNq+b6VNGatnSstm/FfeuMKlpK4XombaGmMJIV4OlDSfsKjUMnhwfHp8dnRyfEiQrJI"
    "WTWNxUGQ1Ool8LUpbLol34GlpOZQHbFFYmH9wesFkxaI7VsKbjSU5CtvhWjgj0/Dto/jg8"
    "OzhhwDsrCEyTqIqoekc8BGM8Pmli03n5334VNvpycfqW1age8TJnt99DftejNTApt8MhEE"
    "8vo766x1XjKanVrLxz68WupKo9qjq1ujx2Ag32Ont5P2Q8XS7ijt9XozLGYg5RkUJdCa3e"
    "tpf5Qle8Tj1gz9+On6I/KmplpUuFhI4puwuval9iWCltFf0cG+/td//XpMp1DXriqvnOFQ"
    "oelRW5X6Czo+eHV8tH/UR2/eoOP9fv/W+D76R0vCAteeeB+7MEsiA+ns3VXBAe6J2BdaKz"
    "4Qe1rCkzGhawtJrhz/u9FuH8dBVAoULRZFeeygQT0qrnAJCVT7+MNNRNkNSFAX0ZVGmD10"
    "jiwHUxdRZvnEhb4v0GgU1zga6e1IME2JWzYaOQQLYgZMUmc0AihDPJAWdwmyZphNSdhmIr"
    "g6B/Qwow5BYw7yCsA5aIbviS4HAw4+kSDSLVOPoRg9qaMUYQRCcF0wbkQT4fncIkKEW6lg"
    "TCIHxpumQUunXpxOWY3jRRlXdjbC+7TfOttJVOQgW0OD0MGaIjQIH6zZogezl+q3y9pDv3"
    "64+HSBlC+HoL+jnaj8zqblmGDoaXZlMcLiO10soYslPNcio5WEJwR7eO5wXELvcs9SCtId"
    "iVrDs6Rnodqu8A2enqzCt5Ga2Z/bHf6qYa9+VQjeREuX+k675s6lRuzu51ndX3uRvzl3Us"
    "SIOeH+FL6vJWb5k2xmsB2thnYKTYhfbjavdCWlUNvnSdqwt84Fa8dsEGosIFvMdKMZ9uCg"
    "qcPuIM+yPs1HfL+myzkLazG/zXvyGl15mecZDKJxvT2seeBWMt15+L8nD3+3537LtykoD7"
    "oZLf0aaLkE3h0ebrO+U67gurrOQTs9t1nPkX+10dSdx3aabpumWxKyCw+YGCXRuuEilLE8"
    "UBcdhKkWoTtHIvA87ss4oqaDSlYgJHeJX3bX3ZPlnznEFL1e09hS4NlNm8tCK54FCcb/IV"
    "b9tlK4uodOmhLKJylrv1qjGGqcMrWPg6/ZclQTqd523OdM4uLwy7lG83FlDZqPb/HbQOuL"
    "uuqq3PMp96PjmSoKuHCOr9kXiIjH2EalajoGE6miGhr31OelLu7MjTmsL+0alOalrc2tBc"
    "WnPNw/8rzExi01JramqGuwmhf1aVa7uHs74+6pT3FlHaQwWxhzHzR2Nw5K7ndNSVSH4hxu"
    "C2k+GQyOTpp2a4X9Tk+cwRxMWHHaWKS2KvaT/nZUZjUNekFeXWLTwC0ym0pfn9vGPbbgI0"
    "99q2vcV5KAXpDZsFKnSG06YyNRiMZT70Fx6i3YHdVpziO3cPrdaFCtaK3W53oB3UayB00X"
    "cIBcSrYHNDXs2Avo9kUyB81Xb4XdZVlDtfppuyxu+zje6OThEomVeVKkePnO1DSmO/PcXd"
    "bfReqXRPSyPp46Cs4iOwW3VMH3xBelzoWlW3ZTiJfbqHuQV+LBGt+iDW/UzThFK1u5GdQL"
    "GmOMS1PdJV60xjI533iTfqtizfoyQ2NpwDnM3n066myquxmrxp71jZD6oGT6TOcuevCplI"
    "QhyvRxx9QZ8fAGeCwj2JJLJteqUp0Z1a8rEPZJhYsh99AwSRf6iksq1RlNVbOGq4Obtwwj"
    "WA/AU3yLvb56EowNTx1YDc91OkCQRH7AGLxORsjeaKQP0AuGPTGDXvzoUjYa9aFaZkf3ZU"
    "a1zOh0pqqJBYQ/CFPnWhUHqpj1OVC/MRMSofnZUadGrbtb1htFao+0qVJHfTQm6uJMfag0"
    "LZQ6bYqhP7nj8B3V9ZgIrKbF4dwZFbdMUxCfvw0fgIGQJvGC12dmOmijCzTT91luQoYqR1"
    "O7oFA7g0LdYcxnPoypaamz2ogBbaa1WbCi6dV4B4W78erbOJ1t02rbprvnqjsF8x2fgglv"
    "Sanj1kxBugP3a7g1uyvG1hgR3RVja+oqfcVY1ibqLhmr10Na4kU6Jz61ZkaJAynK2V3lO8"
    "JJmaecRstV8LQXoZYt/f/ys39r+oiXW8hL3e7vZtiv63dvlRXXeIvDqqvj42+6/pm5ZcvU"
    "4k/QqUFVg+Go+Bayu3pjVMyu3gS1bIFasmuHM0nKftxvxQI1gXQL1JoL1G/6Mfv6P9/8Qd"
    "A="
)

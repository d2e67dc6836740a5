"""Names and texts of demo tickets."""

from dataclasses import dataclass

GIVEN_NAMES = (
    "Ada", "Amara", "Anselm", "Bao", "Beatriz", "Björn", "Carmen", "Chidi", "Dalia", "Dmitri",
    "Eilidh", "Emre", "Farah", "Finn", "Giulia", "Hana", "Hiroshi", "Ines", "Ivo", "Jamila",
    "Jonas", "Kavita", "Kofi", "Leila", "Lucía", "Magnus", "Mei", "Milan", "Nadia", "Noor",
    "Oskar", "Paloma", "Quentin", "Ravi", "Rosa", "Sana", "Søren", "Tomás", "Uma", "Viktor",
    "Wanda", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip

FAMILY_NAMES = (
    "Abara", "Almeida", "Bergström", "Bianchi", "Castellan", "Dubois", "Eriksen", "Farouk",
    "Garrick", "Haddad", "Ibarra", "Jansen", "Kaminski", "Lindqvist", "Moreau", "Nakano",
    "Okafor", "Petrov", "Quispe", "Rahman", "Santos", "Takeda", "Ueda", "Varga", "Whitlock",
    "Ximenes", "Yilmaz", "Zielinski", "O'Dell", "van der Meer",
)  # fmt: skip

DOMAINS = ("example.com", "example.org", "example.net")

AGENTS = (
    "amir", "britta", "chen", "dolores", "edwin", "fatima", "gustav", "helena", "isaac", "judit",
    "kwame", "lena",
)  # fmt: skip

PRODUCTS = (
    "Atlas Router", "Beacon Mail", "Cirrus Drive", "Delta Desk", "Ember Phone", "Fjord Scanner",
    "Granite Backup", "Harbor Portal",
)  # fmt: skip

PLANS = ("starter", "team", "business", "enterprise")
BROWSERS = ("Firefox", "Chrome", "Safari", "Edge")
SYSTEMS = ("Windows", "macOS", "Linux", "iOS", "Android")
LANGUAGES = ("en", "de", "fr", "es", "pt", "ja")
TAGS = (
    "vip", "renewal", "migration", "regression", "trial", "refund", "outage", "mobile",
    "onboarding", "escalated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Category:
    """Texts of one category, with the placeholders {product}, {number} and {place}."""

    name: str
    subjects: tuple[str, ...]
    sentences: tuple[str, ...]


PLACES = (
    "the Lisbon office", "the warehouse", "the mail office", "our Oslo team", "the home office",
    "the reception", "building C", "the night shift",
)  # fmt: skip

CATEGORIES = (
    Category(
        "billing",
        (
            "Invoice {number} charges {product} twice",
            "Refund for {product} has not arrived",
            "Wrong VAT number on invoice {number}",
            "Change the payment method for {product}",
        ),
        (
            "Invoice {number} lists {product} in two lines with the same dates.",
            "Our accountant needs a corrected invoice before the end of the month.",
            "The card was charged, but the portal still shows the amount as due.",
            "We cancelled {number} seats in spring and still pay for them.",
        ),
    ),
    Category(
        "account",
        (
            "Cannot sign in to {product}",
            "Two-factor code is never accepted",
            "Please transfer {number} licences to {place}",
            "Password reset mail does not arrive",
        ),
        (
            "After the password was reset the page loads for ever.",
            "The code from the authenticator is refused, the clock of the phone is right.",
            "An administrator who has left is still the owner of the account.",
            "It works in a private window, so it may be a cookie.",
        ),
    ),
    Category(
        "hardware",
        (
            "{product} overheats in {place}",
            "Replacement for a broken {product}",
            "{product} makes a clicking noise",
            "Power supply of {product} failed",
        ),
        (
            "The device in {place} switches itself off after {number} minutes.",
            "We tried another socket and another cable, without success.",
            "The serial number ends in {number}; it is still under warranty.",
            "All three lamps blink orange.",
        ),
    ),
    Category(
        "network",
        (
            "VPN drops every {number} minutes",
            "No connection in {place}",
            "{product} is slow since Monday",
            "Name resolution fails for some hosts",
        ),
        (
            "Latency in {place} rises to {number} ms around noon.",
            "Restarting {product} helps for about an hour.",
            "Wired machines are fine, only wireless ones lose the connection.",
            "A trace stops at the second hop.",
        ),
    ),
    Category(
        "software",
        (
            "{product} crashes when exporting a report",
            "Error {number} after the last update of {product}",
            "{product} shows dates in the wrong time zone",
            "Search in {product} finds nothing",
        ),
        (
            "The log says: error {number}, unexpected end of input.",
            "It began with the update of last night; the version before was fine.",
            "With fewer than a thousand rows the export works.",
            "Reinstalling {product} did not change anything.",
        ),
    ),
    Category(
        "delivery",
        (
            "Parcel {number} went to the wrong address",
            "{product} arrived damaged",
            "Where is order {number}?",
            "Only half of order {number} arrived",
        ),
        (
            "Tracking has not moved for a week.",
            "The box was open and the cable was missing.",
            "Please send the rest to {place}.",
            "The courier says that no one was in, but {place} is always staffed.",
        ),
    ),
    Category(
        "feature request",
        (
            "Dark mode for {product}",
            "Export of {product} to spreadsheets",
            "Shortcut keys in {product}",
            "Allow more than {number} members in a team",
        ),
        (
            "Our night shift would be grateful for it.",
            "At present we copy {number} rows by hand each week.",
            "Other tools that we use have had this for years.",
            "A setting for administrators would be enough.",
        ),
    ),
    Category(
        "general",
        (
            "Question about {product}",
            "Which person is our contact for {place}?",
            "Documentation for {product} is out of date",
            "Thanks for the quick help with {product}",
        ),
        (
            "Please call me back in the afternoon.",
            "The page about {product} describes a menu that no longer exists.",
            "We are {number} people and consider moving to the next plan.",
            "This is not urgent.",
        ),
    ),
)

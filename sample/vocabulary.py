"""The words of the invented company Northwind Signal and of its market."""

from __future__ import annotations

FIRST_NAMES = (
    "Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Hugo", "Irene", "Jonas", "Karin", "Liam", "Marta",
    "Noah", "Olga", "Paul", "Rita", "Samuel", "Tara", "Ugo", "Vera", "Walter", "Xenia", "Yusuf", "Zoe", "Amir",
    "Bianca", "Chen", "Daria", "Emil", "Fatima", "Goran", "Hanna", "Ivan", "Julia", "Kofi", "Lena", "Mateo",
    "Nadia", "Oscar",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Bauer", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Hughes", "Ibrahim", "Jensen", "Kowalski",
    "López", "Müller", "Nakamura", "Okafor", "Pereira", "Quinn", "Rossi", "Schäfer", "Tanaka", "Ueda", "Varga",
    "Weber", "Xu", "Young", "Zimmermann", "Andersen", "Björk", "Carvalho", "Dvorak", "Evans", "Ferrari", "Grant",
    "Hoffmann", "Iyer", "Johansson", "Keller", "Lambert", "Moreau", "Novak", "O'Neil", "Park", "Reyes", "Sato",
    "Turner", "Vogel", "Wilson",
)  # fmt: skip
COMPANY_FIRST = (
    "Amber", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel",
    "Lumen", "Meadow", "Nimbus", "Opal", "Pioneer", "Quartz", "Ridge", "Summit", "Tidal", "Umber", "Vertex",
    "Willow", "Zephyr",
)  # fmt: skip
COMPANY_SECOND = (
    "Analytics", "Biotech", "Capital", "Dynamics", "Energy", "Foods", "Group", "Health", "Industries", "Labs",
    "Logistics", "Media", "Networks", "Partners", "Robotics", "Software", "Systems", "Textiles", "Tools", "Works",
)  # fmt: skip

# name, region, currency, calling code, trunk prefix, time zone, start of a number (six to seven digits follow),
# weight in percent
COUNTRIES = (
    ("United States", "Americas", "USD", "1", "", "America/New_York", "312", 34),
    ("Canada", "Americas", "USD", "1", "", "America/Toronto", "416", 6),
    ("Brazil", "Americas", "USD", "55", "0", "America/Sao_Paulo", "1135", 3),
    ("United Kingdom", "EMEA", "GBP", "44", "0", "Europe/London", "2079", 12),
    ("Germany", "EMEA", "EUR", "49", "0", "Europe/Berlin", "3022", 11),
    ("France", "EMEA", "EUR", "33", "0", "Europe/Paris", "145", 6),
    ("Switzerland", "EMEA", "CHF", "41", "0", "Europe/Zurich", "445", 5),
    ("Netherlands", "EMEA", "EUR", "31", "0", "Europe/Amsterdam", "205", 4),
    ("Spain", "EMEA", "EUR", "34", "", "Europe/Madrid", "915", 3),
    ("Sweden", "EMEA", "EUR", "46", "0", "Europe/Stockholm", "85", 3),
    ("Singapore", "APAC", "USD", "65", "", "Asia/Singapore", "65", 4),
    ("Australia", "APAC", "USD", "61", "0", "Australia/Sydney", "285", 5),
    ("Japan", "APAC", "USD", "81", "0", "Asia/Tokyo", "335", 2),
    ("India", "APAC", "USD", "91", "0", "Asia/Kolkata", "1145", 2),
)
REGIONS = ("Americas", "EMEA", "APAC")
REGION_ZONES = {"Americas": "America/New_York", "EMEA": "Europe/Berlin", "APAC": "Asia/Singapore"}
# The first UTC hour at which each region's office is open all year round.
REGION_OPENING_HOUR = {"Americas": 14, "EMEA": 8, "APAC": 1}
ICP_INDUSTRIES = ("Software", "Financial Services", "Manufacturing")
# Of 100 accounts, before and after the market that the company meets drifted.
INDUSTRIES_BEFORE = {
    "Software": 36, "Financial Services": 18, "Manufacturing": 14, "Healthcare": 10, "Retail": 8,
    "Education": 4, "Media": 4, "Professional Services": 6,
}  # fmt: skip
INDUSTRIES_AFTER = {
    "Software": 14, "Financial Services": 10, "Manufacturing": 12, "Healthcare": 16, "Retail": 20,
    "Education": 10, "Media": 8, "Professional Services": 10,
}  # fmt: skip
BANDS_BEFORE = {"SMB": 35, "Mid-Market": 42, "Enterprise": 23}
BANDS_AFTER = {"SMB": 58, "Mid-Market": 30, "Enterprise": 12}
DEPARTMENTS = {
    "marketing": ("Marketing", "Chief Marketing Officer", 30),
    "sales": ("Sales", "Chief Revenue Officer", 18),
    "revenue_operations": ("Revenue Operations", "Chief Operating Officer", 14),
    "finance": ("Finance", "Chief Financial Officer", 13),
    "it": ("IT", "Chief Information Officer", 17),
    "human_resources": ("Human Resources", "Chief People Officer", 8),
}
ICP_DEPARTMENTS = ("marketing", "sales", "revenue_operations")
SENIORITIES = {"c_level": 8, "vp": 15, "director": 24, "manager": 33, "individual": 20}
ICP_SENIORITIES = ("c_level", "vp", "director")

INTERNAL_DOMAIN = "northwindsignal.example"
COMPETITOR_DOMAINS = ("rivalmetrics.example", "plumbline-data.example")
BOT_DOMAIN = "mailer-bot.example"
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
)
BOT_AGENTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "AhrefsBot/7.0 (+http://ahrefs.com/robot/)",
)
CURRENCIES = {"USD": 1.0, "EUR": 1.08, "GBP": 1.27, "CHF": 1.12}
COMPETITORS = ("Rival Metrics", "Plumbline Data")
LOSS_REASONS = ("Price", "No decision", "Competitor", "Missing feature", "Bad timing")
HAND_RAISES = ("Demo request", "Pricing request", "Contact sales")
FORMS = (*HAND_RAISES, "Webinar registration", "eBook download", "Newsletter signup")

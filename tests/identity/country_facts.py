"""The facts of the seed `countries`, taken from the metadata of the `phonenumbers` package.

Run `python -m tests.identity.country_facts` to write the seed anew after the package was updated; a test
says when the seed no longer agrees with the metadata.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from pathlib import Path

import phonenumbers
from phonenumbers.geodata.locale import LOCALE_DATA

SEED = Path(__file__).parents[2] / "seeds" / "countries.csv"
COLUMNS = (
    "country",
    "iso2",
    "calling_code",
    "trunk_prefix",
    "international_prefix",
    "national_lengths",
    "is_main_country",
)
# The languages in which CRM users of a western company are likely to write a country's name.
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
# Names in use that no list of official names has.
ALIASES = {
    "AE": ("UAE",),
    "BA": ("Bosnia",),
    "BO": ("Bolivia, Plurinational State of",),
    "CD": ("DR Congo", "Congo, Democratic Republic of the", "Democratic Republic of the Congo"),
    "CG": ("Republic of the Congo",),
    "CI": ("Ivory Coast",),
    "CN": ("People's Republic of China", "Mainland China"),
    "CZ": ("Czech Republic", "Czechia"),
    "FK": ("Falkland Islands",),
    "FM": ("Micronesia",),
    "GB": ("UK", "U.K.", "Great Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "HK": ("Hong Kong",),
    "IR": ("Iran, Islamic Republic of",),
    "KP": ("Korea, Democratic People's Republic of",),
    "KR": ("Korea", "Republic of Korea", "Korea, Republic of"),
    "LA": ("Lao People's Democratic Republic",),
    "MD": ("Moldova, Republic of",),
    "MK": ("Macedonia", "North Macedonia"),
    "MM": ("Burma", "Myanmar"),
    "MO": ("Macao", "Macau"),
    "NL": ("Holland", "The Netherlands"),
    "PS": ("Palestine",),
    "RU": ("Russian Federation",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland", "Eswatini"),
    "TR": ("Turkey", "Türkiye"),
    "TW": ("Taiwan, Province of China",),
    "TZ": ("Tanzania, United Republic of",),
    "US": ("U.S.", "U.S.A.", "United States of America", "America"),
    "VA": ("Holy See",),
    "VE": ("Venezuela, Bolivarian Republic of",),
    "VN": ("Viet Nam",),
}
_ISO3_PAIRS = """
    AC:ASC AD:AND AE:ARE AF:AFG AG:ATG AI:AIA AL:ALB AM:ARM AO:AGO AR:ARG AS:ASM AT:AUT AU:AUS AW:ABW AX:ALA AZ:AZE
    BA:BIH BB:BRB BD:BGD BE:BEL BF:BFA BG:BGR BH:BHR BI:BDI BJ:BEN BL:BLM BM:BMU BN:BRN BO:BOL BQ:BES BR:BRA BS:BHS
    BT:BTN BW:BWA BY:BLR BZ:BLZ CA:CAN CC:CCK CD:COD CF:CAF CG:COG CH:CHE CI:CIV CK:COK CL:CHL CM:CMR CN:CHN CO:COL
    CR:CRI CU:CUB CV:CPV CW:CUW CX:CXR CY:CYP CZ:CZE DE:DEU DJ:DJI DK:DNK DM:DMA DO:DOM DZ:DZA EC:ECU EE:EST EG:EGY
    EH:ESH ER:ERI ES:ESP ET:ETH FI:FIN FJ:FJI FK:FLK FM:FSM FO:FRO FR:FRA GA:GAB GB:GBR GD:GRD GE:GEO GF:GUF GG:GGY
    GH:GHA GI:GIB GL:GRL GM:GMB GN:GIN GP:GLP GQ:GNQ GR:GRC GT:GTM GU:GUM GW:GNB GY:GUY HK:HKG HN:HND HR:HRV HT:HTI
    HU:HUN ID:IDN IE:IRL IL:ISR IM:IMN IN:IND IO:IOT IQ:IRQ IR:IRN IS:ISL IT:ITA JE:JEY JM:JAM JO:JOR JP:JPN KE:KEN
    KG:KGZ KH:KHM KI:KIR KM:COM KN:KNA KP:PRK KR:KOR KW:KWT KY:CYM KZ:KAZ LA:LAO LB:LBN LC:LCA LI:LIE LK:LKA LR:LBR
    LS:LSO LT:LTU LU:LUX LV:LVA LY:LBY MA:MAR MC:MCO MD:MDA ME:MNE MF:MAF MG:MDG MH:MHL MK:MKD ML:MLI MM:MMR MN:MNG
    MO:MAC MP:MNP MQ:MTQ MR:MRT MS:MSR MT:MLT MU:MUS MV:MDV MW:MWI MX:MEX MY:MYS MZ:MOZ NA:NAM NC:NCL NE:NER NF:NFK
    NG:NGA NI:NIC NL:NLD NO:NOR NP:NPL NR:NRU NU:NIU NZ:NZL OM:OMN PA:PAN PE:PER PF:PYF PG:PNG PH:PHL PK:PAK PL:POL
    PM:SPM PR:PRI PS:PSE PT:PRT PW:PLW PY:PRY QA:QAT RE:REU RO:ROU RS:SRB RU:RUS RW:RWA SA:SAU SB:SLB SC:SYC SD:SDN
    SE:SWE SG:SGP SH:SHN SI:SVN SJ:SJM SK:SVK SL:SLE SM:SMR SN:SEN SO:SOM SR:SUR SS:SSD ST:STP SV:SLV SX:SXM SY:SYR
    SZ:SWZ TA:TAA TC:TCA TD:TCD TG:TGO TH:THA TJ:TJK TK:TKL TL:TLS TM:TKM TN:TUN TO:TON TR:TUR TT:TTO TV:TUV TW:TWN
    TZ:TZA UA:UKR UG:UGA US:USA UY:URY UZ:UZB VA:VAT VC:VCT VE:VEN VG:VGB VI:VIR VN:VNM VU:VUT WF:WLF WS:WSM XK:XKX
    YE:YEM YT:MYT ZA:ZAF ZM:ZMB ZW:ZWE
"""
ISO3 = dict(pair.split(":") for pair in _ISO3_PAIRS.split())


def comparable(country: str) -> str:
    """The form in which two spellings of a country are compared: lower case, without accents and punctuation."""
    decomposed = unicodedata.normalize("NFD", country.lower())
    return re.sub(r"[^a-z0-9]", "", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _local_name(iso2: str, language: str) -> str | None:
    names = LOCALE_DATA.get(iso2, {})
    name = names.get(language)
    while name is not None and name.startswith("*"):
        name = names.get(name[1:])
    return name


def names_of(iso2: str) -> list[str]:
    """Every spelling of the country, its ISO codes first; spellings that compare equal come once."""
    names = [iso2, ISO3[iso2], *ALIASES.get(iso2, ())]
    names += [name for language in LANGUAGES if (name := _local_name(iso2, language))]
    by_comparable = {comparable(name): name for name in reversed(names)}
    return [name for name in names if name and by_comparable.get(comparable(name)) == name]


def international_prefix(metadata: phonenumbers.PhoneMetadata) -> str:
    """What is dialled before a foreign number; `00` where the country has several, one for each carrier."""
    for candidate in (metadata.preferred_international_prefix, metadata.international_prefix):
        digits = re.sub(r"\D", "", candidate or "") if "~" in (candidate or "") else candidate
        if digits and re.fullmatch(r"\d{2,4}", digits):
            return digits
    return "00"


def subscriber_lengths(metadata: phonenumbers.PhoneMetadata) -> list[int]:
    """Digits that a fixed line or a mobile phone can have after the calling code; service numbers left out."""
    kinds = (metadata.fixed_line, metadata.mobile)
    # A kind without lengths of its own has those of the country; -1 stands for a kind that does not exist.
    lengths = {n for kind in kinds if kind for n in kind.possible_length or metadata.general_desc.possible_length}
    return sorted(lengths - {-1})


def rows() -> list[dict[str, str]]:
    """One row per spelling of a country, sorted; all values as text, as the seed has them."""
    found: dict[str, dict[str, str]] = {}
    for iso2 in sorted(phonenumbers.SUPPORTED_REGIONS):
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(iso2)
        code = metadata.country_code
        facts = {
            "iso2": iso2,
            "calling_code": str(code),
            "trunk_prefix": metadata.national_prefix or "",
            "international_prefix": international_prefix(metadata),
            "national_lengths": "|".join(str(n) for n in subscriber_lengths(metadata)),
            "is_main_country": str(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0] == iso2).lower(),
        }
        for name in names_of(iso2):
            if comparable(name):
                found.setdefault(comparable(name), {"country": name, **facts})
    return sorted(found.values(), key=lambda row: (row["iso2"], row["country"] != row["iso2"], row["country"]))


def as_csv() -> str:
    """The seed's text."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows())
    return buffer.getvalue()


if __name__ == "__main__":
    SEED.write_text(as_csv(), encoding="utf-8")

"""Invented little worlds of person records, and who is who in them by a plain union-find.

Each world has a handful of people, values written in several ways, ids across systems and merges. The generator
draws what each value *is* before it writes it down, so what is expected never passes through the SQL under test.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

# E-mail, phone and last name as they are, with ways to write them.
PHONES = {
    "+493012345678": (("+49 30 12345678", None), ("030/12345678", "Germany"), ("0049 (30) 12345678", "DE"),
                      ("+49 (0)30 123456-78", "France"), ("(030) 123 456 78 ext. 9", "Deutschland")),
    "+12125550123": (("+1 212 555 0123", None), ("(212) 555-0123", "United States"), ("1-212-555-0123", "usa"),
                     ("212.555.0123", "Canada"), ("011 1 212 5550123", "U.S.")),
    "+442079460958": (("020 7946 0958", "UK"), ("+44 (0)20 7946 0958", None), ("+44 020 79460958", "Germany"),
                      ("00442079460958", "United Kingdom")),
    "+390612345678": (("06 1234 5678", "Italy"), ("+39 06 12345678", "US")),
}  # fmt: skip
NO_PHONES = (
    ("0123", "Germany"),
    ("555-1234", "Nowhere"),
    ("00000000", "France"),
    ("030 1234567", None),
    ("call me", "US"),
)
NAMES = {
    "muller": ("Müller", "MULLER", " müller ", "Mu\u0308ller"),
    "oneil": ("O'Neil", "o'neil"),
    "garcia": ("García", "Garcia", "GARCI\u0301A"),
}
NO_NAMES = (None, "", "-", "Unknown", "[Not provided]")
NO_EMAILS = (
    None,
    "",
    "info@world{w}.example",
    "Sales+de@world{w}.example",
    "noreply@world{w}.example",
    "not an address",
    "a@b@world{w}.example",
    "+tag@world{w}.example",
)


@dataclass
class World:
    """Rows for the union models and the person id that each record key must get."""

    records: list[dict[str, Any]] = field(default_factory=list)
    merges: list[dict[str, Any]] = field(default_factory=list)
    person_ids: dict[str, str] = field(default_factory=dict)


def _email(draw: random.Random, world: int, person: int) -> tuple[str | None, str | None]:
    """What the address is (None: no evidence), and how it is written."""
    if draw.random() < 0.25:
        written = draw.choice(NO_EMAILS)
        return None, written.format(w=world) if written else written
    if draw.random() < 0.3:
        local, domain = f"jo.hn{world}x{person}", draw.choice(("gmail.com", "GMail.com"))
        written = f"{draw.choice((local, local.replace('.', ''), 'j.o.hn' + local[5:]))}@{domain}"
        return f"john{world}x{person}@gmail.com", written
    local = f"Zo\u00eb.{person}"
    written = draw.choice((local, local.upper(), f"{local}+news", f"Zoe\u0308.{person}"))
    space = draw.choice(("", " ", "\t", "\u00a0"))
    return f"zoë.{person}@world{world}.example", f"{space}{written}@World{world}.Example{space}"


def make_world(world: int, seed: int) -> World:
    """One world of 2 to 16 records; the same numbers give the same world."""
    draw = random.Random(f"{seed}:{world}")
    made = World()
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    keys: list[str] = []
    by_object: dict[tuple[str, str], list[str]] = defaultdict(list)
    created: dict[str, str] = {}
    for number in range(draw.randint(2, 16)):
        system, kind = draw.choice((("salesforce", "lead"), ("salesforce", "contact"), ("hubspot", "contact")))
        record_id = f"{world}-{number}{kind[0]}{system[0]}"
        key = f"{system}:{kind}:{record_id}"
        person = draw.randint(0, 6)
        email, email_written = _email(draw, world, person)
        phone, (phone_written, country) = (None, draw.choice(NO_PHONES))
        if draw.random() < 0.6:
            phone = draw.choice(list(PHONES))
            phone_written, country = draw.choice(PHONES[phone])
        # Phones are few, so that the last name has to tell people apart; worlds are told apart by a suffix.
        name, name_written = None, draw.choice(NO_NAMES)
        if draw.random() < 0.8:
            name = draw.choice(list(NAMES))
            name_written = draw.choice(NAMES[name]).strip() + f"-{world}"
        row = {
            "system": system, "object": kind, "record_id": record_id,
            "record_type": kind if system == "salesforce" else None, "email": email_written, "phone": phone_written,
            "country": country, "last_name": name_written, "is_deleted": draw.random() < 0.1,
            "created_at": f"2025-0{draw.randint(1, 9)}-1{draw.randint(0, 9)} 08:00:00",
        }  # fmt: skip
        if kind == "lead" and by_object["salesforce", "contact"] and draw.random() < 0.3:
            row["converted_record_id"] = draw.choice(by_object["salesforce", "contact"]).rpartition(":")[2]
            groups["pair", str(number), "converted"] = [key, f"salesforce:contact:{row['converted_record_id']}"]
        crm_keys = by_object["salesforce", "contact"] + by_object["salesforce", "lead"]
        if system == "hubspot" and crm_keys and draw.random() < 0.3:
            target = draw.choice(crm_keys)
            row["crm_record_id"] = target.rpartition(":")[2]
            groups["pair", str(number), "crm"] = [key, target]
        if email:
            groups["email", email].append(key)
        if phone and name:
            groups["phone", phone, name].append(key)
        made.records.append(row)
        keys.append(key)
        by_object[system, kind].append(key)
        created[key] = row["created_at"]
    for number in range(draw.choice((0, 0, 1, 2))):
        # A chain of merges through a contact that was never delivered.
        if not by_object["hubspot", "contact"]:
            break
        survivor = draw.choice(by_object["hubspot", "contact"])
        between = f"hubspot:contact:{world}-gone{number}"
        ends = [between, draw.choice(by_object["hubspot", "contact"])]
        groups["pair", "merge", str(number)] = [survivor, *ends]
        for away, into in ((ends[1], between), (between, survivor)):
            if away != into:
                made.merges.append(
                    {"system": "hubspot", "object": "contact", "record_id": away.rpartition(":")[2],
                     "into_record_id": into.rpartition(":")[2], "is_deleted": False}
                )  # fmt: skip
    parent = {key: key for key in keys}
    for members in groups.values():
        for member in members:
            parent.setdefault(member, member)

    def find(key: str) -> str:
        while parent[key] != key:
            key = parent[key]
        return key

    for members in groups.values():
        for member in members[1:]:
            parent[find(member)] = find(members[0])
    together: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        together[find(key)].append(key)
    for members in together.values():
        earliest = min(members, key=lambda key: (created[key], key))
        for member in members:
            made.person_ids[member] = hashlib.md5(earliest.encode()).hexdigest()
    return made

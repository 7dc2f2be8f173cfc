"""A client of the published file in a process of its own: opens, reads, closes, again and again, until told to stop.

Every build of the test holds its own number in every row; whatever a reader sees must be of one build. Run as
`python publishing_reader.py <file> <stop file>`; prints one line of JSON.
"""

import json
import sys
import time
from pathlib import Path

import duckdb


def main(published, stop):
    errors, builds, reads = [], set(), 0
    while not Path(stop).exists():
        try:
            with duckdb.connect(str(Path(published).resolve()), read_only=True) as file:
                ((number, build_id),) = file.execute(
                    "select build_number, build_id from audit.builds order by build_number desc limit 1"
                ).fetchall()
                ((count, least, most),) = file.execute(
                    "select count(*), min(cost), max(cost) from core.fct_ad_spend"
                ).fetchall()
                ((leads,),) = file.execute("select leads from metrics.company_by_month").fetchall()
            if count != 700 or not number == least == most == leads or not build_id.endswith(f"{number:06d}"):
                errors.append(f"mixed: {number} {build_id} {count} {least} {most} {leads}")
            builds.add(number)
            reads += 1
            # Without a pause the readers would leave the publisher no processor, and the test would last a minute.
            time.sleep(0.15)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    found = {"errors": errors[:5], "builds": sorted(builds), "reads": reads, "version": duckdb.__version__}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

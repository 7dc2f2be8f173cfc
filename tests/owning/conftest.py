import pytest

from orchestration.owning.signing import Company

YAML = """
seeds:
  - name: definition_versions
    description: One row per version.
    config: {column_types: {effective_from: timestamp, marketing_signed_on: date, sales_signed_on: date}}
    columns:
      - {name: version, description: Its name., data_tests: [unique, not_null]}
      - {name: effective_from}
      - {name: content_hash}
      - {name: signed_by_marketing}
      - {name: marketing_signed_on}
      - {name: signed_by_sales}
      - {name: sales_signed_on}
      - {name: note, config: {meta: {default: null}}}
      - {name: table_hashes, config: {meta: {default: null}}}
  - name: stages
    description: One row per version and stage.
    config: {group: sales_operations, column_types: {window_days: integer, weight: "decimal(9,2)"}}
    data_tests:
      - unique_combination: {arguments: {columns: [version, stage]}}
    columns:
      - {name: version, data_tests: [not_null]}
      - {name: stage, data_tests: [not_null]}
      - name: owner_team
        description: Who owns it from then on.
        data_tests: [{accepted_values: {arguments: {values: [marketing, sales]}}}]
      - {name: window_days}
      - {name: weight}
      - {name: is_open, data_type: boolean}
  - name: channels
    description: One row per channel, without versions.
    data_tests: [{unique: {name: k, column_name: "lower(channel)"}}]
    columns:
      - {name: channel, data_tests: [not_null]}
      - {name: since, data_type: date}
      - {name: at, data_type: time}
  - name: mappings
    description: One row per source.
    columns:
      - {name: source, data_tests: [unique, not_null]}
      - name: channel
        data_tests: [{relationships: {arguments: {to: "ref('channels')", field: channel}}}]
  - name: signed_rows
    description: What was signed.
    columns:
      - {name: signed_version, data_tests: [not_null]}
      - {name: table_name, data_tests: [not_null]}
      - {name: row_values, data_tests: [not_null]}
"""
VERSIONS = (
    "version,effective_from,content_hash,signed_by_marketing,marketing_signed_on,signed_by_sales,sales_signed_on,note,"
    "table_hashes\n"
)
OURS = {
    "definition_versions": VERSIONS + "1,2025-01-01 00:00:00,,,,,,,\n",
    "stages": (
        "version,stage,owner_team,window_days,weight,is_open\n1,lead,marketing,90,1.5,true\n1,mql,sales,60,,false\n"
    ),
    "channels": "channel,since,at\npaid,2025-01-01,09:00:00\norganic,,\n",
    "mappings": "source,channel\ngoogle,paid\n",
    "signed_rows": "signed_version,table_name,row_values\n",
}


@pytest.fixture
def company(tmp_path):
    """A company with one table of its own, beside five of ours."""
    return new_company(tmp_path)


def new_company(folder):
    ours = folder / "seeds"
    ours.mkdir()
    (ours / "all.yml").write_text(YAML)
    for name, text in OURS.items():
        (ours / f"{name}.csv").write_text(text)
    own = folder / "definitions"
    own.mkdir()
    # As another program saves it: what is not changed stays as it is, to the byte.
    (own / "mappings.csv").write_bytes(b'\xef\xbb\xbfChannel,source\r\npaid, google \r\norganic,"bing, organic"\r\n')
    return Company(own, ours)

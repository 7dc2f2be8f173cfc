from datetime import datetime

import pytest

from orchestration.settings import PROJECT_ROOT, SettingsError, read_settings


def test_without_any_setting_the_demo_is_built_in_the_project():
    settings = read_settings({})
    assert settings.is_demo
    assert settings.origin == "demo at scale 1"
    assert settings.extracts == PROJECT_ROOT / ".concord/demo/1/extracts"
    assert settings.published == PROJECT_ROOT / "warehouse/concord.duckdb"
    assert settings.build_file == PROJECT_ROOT / "warehouse/private/build.duckdb"


def test_extracts_of_the_company_are_never_the_demo(tmp_path):
    settings = read_settings({"CONCORD_EXTRACTS": str(tmp_path), "CONCORD_WAREHOUSE": str(tmp_path / "w")})
    assert not settings.is_demo
    assert settings.extracts == tmp_path
    assert settings.warehouse == tmp_path / "w"


def test_an_empty_value_counts_as_not_set():
    assert read_settings({"CONCORD_EXTRACTS": "", "CONCORD_AS_OF": " "}) == read_settings({})


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-06-30", datetime(2026, 6, 30)),
        ("2026-06-30T12:00:00Z", datetime(2026, 6, 30, 12)),
        ("2026-06-30T12:00:00+02:00", datetime(2026, 6, 30, 10)),
        ("2026-06-30 12:00:00", datetime(2026, 6, 30, 12)),
    ],
)
def test_as_of_becomes_naive_utc(value, instant):
    assert read_settings({"CONCORD_AS_OF": value}).as_of == instant


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"CONCORD_EXTRACTS": "/no/such/folder"},
            r"CONCORD_EXTRACTS=/no/such/folder: there is no such folder",
        ),
        ({"CONCORD_EXTRACTS": __file__}, r"CONCORD_EXTRACTS=.* is not a folder"),
        ({"CONCORD_DEFINITIONS": "/no/such"}, r"CONCORD_DEFINITIONS=/no/such: there is no such folder"),
        ({"CONCORD_WAREHOUSE": __file__}, r"CONCORD_WAREHOUSE=.* is not a folder"),
        ({"CONCORD_AS_OF": "yesterday"}, r"CONCORD_AS_OF=yesterday: not an ISO date"),
        ({"CONCORD_AS_OF": "2026-13-01"}, r"CONCORD_AS_OF=2026-13-01"),
        ({"CONCORD_TARGET": "spark"}, r"CONCORD_TARGET=spark: .* does not run on Spark yet"),
        ({"CONCORD_TARGET": "oracle"}, r"CONCORD_TARGET=oracle: unknown engine"),
        ({"CONCORD_DEMO_SCALE": "big"}, r"CONCORD_DEMO_SCALE=big"),
        ({"CONCORD_DEMO_SCALE": "0"}, r"CONCORD_DEMO_SCALE=0"),
        ({"CONCORD_DEMO_SCALE": "nan"}, r"CONCORD_DEMO_SCALE=nan"),
        ({"CONCORD_EXTRACT": "x"}, r"unknown setting CONCORD_EXTRACT; known are CONCORD_EXTRACTS,"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_names_it(environment, message):
    with pytest.raises(SettingsError, match=message):
        read_settings(environment)


def test_the_demo_has_no_scale_beside_real_extracts(tmp_path):
    with pytest.raises(SettingsError, match="CONCORD_DEMO_SCALE is set beside CONCORD_EXTRACTS"):
        read_settings({"CONCORD_EXTRACTS": str(tmp_path), "CONCORD_DEMO_SCALE": "1"})


def test_a_dsn_is_refused_without_repeating_its_password():
    with pytest.raises(SettingsError, match=r"CONCORD_POSTGRES is no PostgreSQL connection string") as raised:
        read_settings({"CONCORD_POSTGRES": "mysql://u:secret@localhost/x"})
    assert "secret" not in str(raised.value)


def test_settings_with_a_dsn_can_be_printed():
    settings = read_settings({"CONCORD_POSTGRES": "postgresql://u:secret@localhost:5433/x"})
    assert "secret" not in repr(settings)
    assert "secret" not in f"{settings} {settings.postgres}"
    assert str(settings.postgres) == "u@localhost:5433/x"

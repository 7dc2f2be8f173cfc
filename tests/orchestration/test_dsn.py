import pytest

from orchestration.dsn import DsnError, read_dsn


@pytest.mark.parametrize(
    ("text", "told", "secrets"),
    [
        ("postgresql://u:se%40cret@h:5432/db?sslmode=require", "u@h:5432/db", {"se@cret", "se%40cret"}),
        ("postgres://u:p?w@h1:1,h2:2/d", "u@h1:1,h2:2/d", {"p?w"}),
        ("postgresql:///db?host=/run/pg&user=u&password=in%20query", "u@/run/pg/db", {"in query", "in%20query"}),
        ("postgresql://u@[::1]:5433/d", "u@::1:5433/d", set()),
        (r"host=h user=u password='it\'s me' dbname=d", "u@h/d", {"it's me", r"it\'s me"}),
        ("host=h password=plain sslpassword = key", "h/", {"plain", "key"}),
        ("service=concord", "service concord/", set()),
    ],
)
def test_both_forms_are_read_and_told_without_their_passwords(text, told, secrets):
    dsn = read_dsn(text)
    assert (str(dsn), set(dsn.secrets)) == (told, secrets)
    for secret in secrets:
        assert secret not in repr(dsn)
        assert dsn.mask(f"cannot connect with {secret}, {text}") == "cannot connect with ****, ****"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:se@cret@h/d",
        "postgresql://u:se/cret@h/d",
        "postgresql://u:12/3cret@h/d",
        "postgresql+psycopg://u:secret@h/d",
        "mysql://u:secret@h/d",
        "secret",
        "host password=secret",
        "password='secret",
    ],
)
def test_what_libpq_would_misread_is_refused_without_being_repeated(text):
    with pytest.raises(DsnError, match="is no PostgreSQL connection string") as raised:
        read_dsn(text)
    assert "cret" not in str(raised.value)


def test_connecting_has_a_limit_unless_it_is_set(monkeypatch):
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    assert read_dsn("postgresql://u:p?w@h/d").with_timeout == "postgresql://u:p?w@h/d?connect_timeout=10"
    assert read_dsn("postgresql://h/d?sslmode=require").with_timeout.endswith("require&connect_timeout=10")
    assert read_dsn("host=h").with_timeout == "host=h connect_timeout=10"
    assert read_dsn("host=h connect_timeout=3").with_timeout == "host=h connect_timeout=3"


def test_a_password_of_the_machine_is_masked_too(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    assert read_dsn("host=h").mask("no from-outside here") == "no **** here"

"""Settings are read from the environment or a file, and bad values are refused by name."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import environment
from core.environment import PROJECT_FOLDER, EnvironmentValueError
from core.environment_file import EnvironmentFileError, parse_environment_file

NAME = "MAX_DAILY_REWARD_PER_PLAYER"


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("true", True),
        ("YES", True),
        ("1", True),
        ("on", True),
        ("false", False),
        ("No", False),
        ("0", False),
        ("off", False),
    ],
)
def test_a_boolean_is_understood_however_people_write_it(
    monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool
) -> None:
    monkeypatch.setenv("DEBUG", value)

    assert environment.boolean("DEBUG", default=None) is meaning


@pytest.mark.parametrize("value", ["abc", "NaN", "Infinity", "-Infinity", "1_000", "1,5", "-0.01", "10e"])
def test_a_decimal_that_is_no_amount_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(EnvironmentValueError) as error:
        environment.decimal(NAME, default=Decimal(1000), minimum=0)

    assert str(error.value) == (
        f"MAX_DAILY_REWARD_PER_PLAYER is '{value}': a decimal amount ≥ 0 is needed, for example 1000"
    )


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False))
def test_every_amount_within_the_bounds_is_read_exactly(amount: Decimal) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME, str(amount))

        assert environment.decimal(NAME, default=None, minimum=0, maximum=10**12) == amount


@given(st.integers())
def test_a_whole_number_is_read_within_its_bounds_and_refused_outside(number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORT", str(number))
        if 1 <= number <= 65535:
            assert environment.integer("PORT", default=None, minimum=1, maximum=65535) == number
        else:
            with pytest.raises(EnvironmentValueError, match="a whole number ≥ 1 and ≤ 65535 is needed"):
                environment.integer("PORT", default=None, minimum=1, maximum=65535)


@pytest.mark.parametrize("value", ["1.0", "ten", "1_0", "٣", "0x10", "--1"])
def test_what_is_no_whole_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)

    with pytest.raises(EnvironmentValueError, match=r"PORT is '.*': a whole number is needed, for example 10"):
        environment.integer("PORT", default=None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("mysql://alice:secret@host/db", "mysql://…"), ("secret", "…"), ("postgresql:", "postgresql://…")],
)
def test_a_wrong_address_is_refused_without_repeating_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", value)

    with pytest.raises(EnvironmentValueError) as error:
        environment.url("DATABASE_URL", default=None, schemes=("postgresql", "postgres"))

    assert str(error.value) == (
        f"DATABASE_URL is '{shown}': an address is needed that starts with postgresql:// or postgres://"
    )


def test_a_choice_is_one_of_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "xml")

    with pytest.raises(EnvironmentValueError, match="LOG_FORMAT is 'xml': one of json, text is needed"):
        environment.choice("LOG_FORMAT", default="text", choices=("json", "text"))


@pytest.mark.parametrize("value", ["Malta/Europe", "../../etc/passwd", "Europe"])
def test_a_time_zone_is_one_that_exists(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIME_ZONE", value)

    with pytest.raises(EnvironmentValueError, match=f"TIME_ZONE is '{value}': a time zone's name is needed"):
        environment.time_zone("TIME_ZONE", default="UTC")


def test_a_list_is_cut_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example, b.example,, ")

    assert environment.text_list("ALLOWED_HOSTS") == ["a.example", "b.example"]


def test_a_relative_path_counts_from_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_ROOT", "uploads")

    assert environment.path("MEDIA_ROOT", default=None) == PROJECT_FOLDER / "uploads"


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)

    assert environment.decimal(NAME, default=None) is None
    assert not environment.is_set(NAME)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("TIME_ZONE=Europe/Malta\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("ENV_FILE", str(file))
    monkeypatch.setenv("LOG_LEVEL", "ERROR")

    assert environment.text("TIME_ZONE", default="UTC") == "Europe/Malta"
    assert environment.text("LOG_LEVEL", default="INFO") == "ERROR"


def test_a_file_may_hold_comments_quotes_and_exports(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text(
        "\ufeff# the whole line\n"
        "\n"
        "PLAIN=value # a remark\n"
        "export EXPORTED = value\n"
        "QUOTED='a # inside' # outside\n"
        'DOUBLE="a = b"\n'
        "HASH=a#b\n"
        "EMPTY=\n",
        encoding="utf-8",
    )

    assert parse_environment_file(file) == {
        "PLAIN": "value",
        "EXPORTED": "value",
        "QUOTED": "a # inside",
        "DOUBLE": "a = b",
        "HASH": "a#b",
        "EMPTY": "",
    }


def test_a_line_that_says_nothing_is_refused_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("GOOD=1\nthis is no setting\n")

    with pytest.raises(EnvironmentFileError, match=r"settings\.env, line 2: NAME=VALUE is needed"):
        parse_environment_file(file)

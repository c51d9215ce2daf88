"""JSON read strictly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strict_json import JSONRefusedError, as_stored, read_json


def test_numbers_with_a_point_are_exact() -> None:
    assert read_json('{"a": 0.1, "b": 3, "c": 1e2}') == {"a": Decimal("0.1"), "b": 3, "c": Decimal("1E+2")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("{", "line 1, column 2"),
        ("[1,]", "column"),
        ("NaN", "NaN is not a JSON number"),
        ("[-Infinity]", "Infinity"),
        ("9" * 41, "41 characters"),
        ("1." + "0" * 60, "62 characters"),
        ('{"a": {"b": 1, "b": 1}}', "'b' is given twice"),
        ('"\\u0000"', "NUL"),
        ('{"\\u0000": 1}', "NUL"),
        ('["\\udc00"]', "surrogate"),
        ("[" * 100_000, "too deeply"),
    ],
)
def test_what_json_leaves_open_is_refused(text: str, words: str) -> None:
    with pytest.raises(JSONRefusedError, match=words):
        read_json(text)


def test_pairs_of_surrogates_are_one_character() -> None:
    assert read_json('"\\ud83d\\ude00"') == "😀"


def test_a_decimal_that_a_json_number_keeps_becomes_that_number() -> None:
    assert as_stored({"a": [Decimal("1.10")], "b": "x"}, path="c") == {"a": [1.1], "b": "x"}


def test_a_decimal_with_more_digits_than_a_json_number_keeps_is_refused_with_its_path() -> None:
    with pytest.raises(JSONRefusedError, match=r"conditions\.any\[1\]\.ratio is 0\.10000000000000000001"):
        as_stored({"any": [{}, {"ratio": Decimal("0.10000000000000000001")}]}, path="conditions")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_json(text)
    except JSONRefusedError:
        pass


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_no_amount_with_two_decimals_is_lost(amount: Decimal) -> None:
    assert Decimal(repr(as_stored(amount, path="amount"))) == amount

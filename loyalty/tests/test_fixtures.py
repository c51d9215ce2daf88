"""What a fresh house starts with."""

import pytest

from loyalty.fixtures import load_options
from rewards.models import RedemptionOption

pytestmark = pytest.mark.django_db


def test_the_example_options_are_loaded_once_and_left_as_staff_made_them() -> None:
    assert load_options() == 4
    RedemptionOption.objects.filter(code="HOODIE").update(stock=3)

    assert load_options() == 0
    assert RedemptionOption.objects.get(code="HOODIE").stock == 3

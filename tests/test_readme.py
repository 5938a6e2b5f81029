"""What the README says is what the code does."""

import re
from pathlib import Path

import pytest

from service.options import RelightOptions
from service.settings import settings_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_settings_table_is_the_one_that_the_service_prints():
    assert settings_table() in README, "paste the output of `python -m service --print-settings`"


@pytest.mark.parametrize("option", RelightOptions.model_fields)
def test_every_option_has_a_row(option):
    assert re.search(rf"^\| [^|]*`{option}`[^|]*\|", README, re.MULTILINE)


def test_every_picture_and_file_that_it_shows_exists():
    paths = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []

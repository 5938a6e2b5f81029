"""An entity tag changes when, and only when, the code that makes pixels changes."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

import service
from service.relighting import etag
from service.relighting.etag import answer_tag, photo_digest, pixel_revision
from service.relighting.options import RelightOptions

PACKAGE = Path(service.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the service's sources, outside the repository."""
    copy = tmp_path / "service"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("models", "web", "__pycache__"))
    return copy


def edit(package: Path, module: str, old: str, new: str) -> None:
    path = package / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_copy_without_git_has_the_same_one(package):
    assert pixel_revision(package) == pixel_revision()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("relighting/guided_upsampling.py", "_EPSILON: Final = 1e-4", "_EPSILON: Final = 2e-4"),
        ("contract/color.py", "def fill_light(", "def fill_light_("),
        ("imaging/formats.py", "from __future__ import annotations", "LEVEL = 3"),
        ("inference/session.py", "from __future__ import annotations", "FAST = True"),
    ],
)
def test_code_that_makes_pixels_changes_it(package, module, old, new):
    edit(package, module, old, new)
    assert pixel_revision(package) != pixel_revision()


def test_a_new_module_among_them_changes_it(package):
    (package / "imaging/new_format.py").write_text("LEVEL = 3\n")
    assert pixel_revision(package) != pixel_revision()


def test_comments_docstrings_and_formatting_do_not_change_it(package):
    edit(package, "relighting/shading.py", '"""', '"""Other words. ')
    edit(package, "contract/color.py", "from __future__", "# a comment\n\n\nfrom __future__")
    assert pixel_revision(package) == pixel_revision()


def test_other_code_does_not_change_it(package):
    edit(package, "api/relight.py", "from __future__ import annotations", "LEVEL = 3")
    edit(package, "traffic/admission.py", "from __future__ import annotations", "LEVEL = 3")
    assert pixel_revision(package) == pixel_revision()


def test_another_version_of_a_library_changes_it(monkeypatch):
    monkeypatch.setattr(etag, "version", lambda name: version(name) + ".1" * (name == "pillow"))
    assert pixel_revision.__wrapped__() != pixel_revision()


def test_missing_sources_are_an_error(package):
    shutil.rmtree(package / "imaging")
    with pytest.raises(FileNotFoundError, match="imaging"):
        pixel_revision(package)


def test_the_revision_and_the_accepted_formats_are_part_of_the_tag():
    def tag(revision: str, *formats: str) -> str:
        return answer_tag(
            photo_digest(b"photo"),
            RelightOptions(),
            light="E",
            model="drn-s@0a1b",
            formats=(formats,),
            revision=revision,
        )

    assert tag("a", "jpeg") == tag("a", "jpeg")
    assert len({tag("a", "jpeg"), tag("b", "jpeg"), tag("a", "png"), tag("a", "jpeg", "png")}) == 4


def test_a_neutral_lamp_that_was_requested_is_another_request():
    """It colours a grey photo, which lamps without a temperature leave grey."""
    lamps = (
        '[{"azimuth": 9}, {"azimuth": 99}]',
        '[{"azimuth": 9}, {"azimuth": 99, "temperature": 6500}]',
    )
    tags = {
        answer_tag(
            photo_digest(b"photo"),
            RelightOptions(lights=text),
            light="the same",
            model="drn-g@0a1b",
            formats=(("jpeg",),),
            revision="a",
        )
        for text in lamps
    }
    assert len(tags) == 2

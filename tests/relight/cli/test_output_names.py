"""Each relit photo of a folder has a name of its own."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from relight.cli.output_names import SUFFIXES, OutputNames
from service.imaging.formats import FORMATS


def names_of(media_type: str, *photos: str, taken: dict[str, str] | None = None) -> list[str]:
    names = OutputNames(photos, taken or {})
    return [names.name(photo, media_type) for photo in photos]


def test_photos_that_differ_in_the_suffix_alone_do_not_overwrite_each_other():
    photos = ("a.heic", "a.jpg", "b.heic")
    assert names_of("image/jpeg", *photos) == ["a.heic.jpg", "a.jpg", "b.jpg"]
    assert names_of("image/webp", *photos) == ["a.heic.webp", "a.jpg.webp", "b.webp"]
    assert len(set(names_of("image/webp", "a.jpg", "a.png", "a.jpg.png"))) == 3


_NAMES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "sub/", "Sub/"]),
    st.sampled_from(["a", "A", "a.jpg", "\u00e9", "e\u0301", "a-2"]),
    st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".tif"]),
)


@given(
    st.lists(_NAMES, unique=True),
    st.dictionaries(_NAMES, _NAMES, max_size=3),
    st.sampled_from(sorted(SUFFIXES)),
)
def test_names_are_unique_regardless_of_case_and_accent_form(photos, taken, media_type):
    names = names_of(media_type, *photos, taken=taken)
    alike = [unicodedata.normalize("NFC", name).casefold() for name in names]
    assert len(set(names)) == len(photos)
    given_before = {unicodedata.normalize("NFC", name).casefold() for name in taken}
    new = [a for a, name in zip(alike, names, strict=True) if name not in taken]
    assert len(set(new)) == len(new)
    assert not given_before & set(new)
    for photo, name in zip(photos, names, strict=True):
        assert PurePosixPath(name).suffix.lower() in SUFFIXES[media_type]
        assert taken.get(name, photo) == photo


def test_every_format_has_a_suffix():
    assert list(SUFFIXES) == [known.media_type for known in FORMATS.values()]

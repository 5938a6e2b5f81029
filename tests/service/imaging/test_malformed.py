"""Nothing in the corpus of malformed files may hang, grow, or surprise the service."""

from __future__ import annotations

import resource

import pytest

from relight.errors import ImageError
from service.imaging import ImageLimits, decode, encode
from tests.service.calls import problem_of, relight
from tests.service.malformed import corpus

CORPUS = corpus()
LIMITS = ImageLimits(max_pixels=2_000_000, max_side_px=4000, min_side_px=4)

# What is odd but sound: the picture comes through, without what was broken.
HARMLESS = {
    "nan-profile.png",
    "profile-of-zeros.jpg",
    "profile-that-lies-about-its-length.jpg",
    "huge-profile.webp",
    "many-texts.png",
    "text-bomb.png",
    "exif-that-loops.jpg",
    "exif-of-noise.webp",
    "huge-comment.jpg",
    "endless-sub-directories.tiff",
    "planes-of-no-kind.tiff",
    "rows-without-end.tiff",
    "one-frame.png",
    "one-frame.webp",
    # As every viewer shows them: what is missing is grey, what is too much is cut.
    "larger-than-it-is.jpg",
    "smaller-than-it-is.jpg",
    "planes.tiff",
    "palette-of-one.tiff",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", CORPUS)
def test_a_malformed_file_is_refused_or_read_in_bounded_time_and_memory(name):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        photo = decode(CORPUS[name], LIMITS)
    except ImageError as error:
        assert name not in HARMLESS, error
    else:
        assert name in HARMLESS
        assert encode(photo, "png", keep_metadata=True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 150_000


@pytest.mark.filterwarnings("ignore")
def test_the_service_answers_every_malformed_file_with_a_problem_of_the_picture(url):
    for name, data in CORPUS.items():
        answer = relight(url, data, strength=0)
        if answer.status_code == 200:
            assert name in HARMLESS, name
        else:
            problem = problem_of(answer)
            assert problem["status"] in {413, 415, 422}, (name, problem)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bomb.png", "image_too_large"),
        ("bomb-16.png", "image_too_large"),
        ("bomb.jpg", "image_too_large"),
        ("bomb.webp", "image_too_large"),
        ("bomb.tiff", "image_too_large"),
        ("vast-tile.tiff", "image_too_large"),
        ("one-column.png", "image_too_large"),
        ("one-row.jpg", "image_too_small"),
        ("zero-size.jpg", "image_corrupt"),
        ("zero-width.png", "image_corrupt"),
        ("zero.tiff", "image_corrupt"),
        ("larger-than-it-is.png", "image_corrupt"),
        ("larger-than-it-is-16.png", "image_corrupt"),
        ("two-headers-16.png", "image_corrupt"),
        ("two-widths.tiff", "image_corrupt"),
        ("ten-thousand-scans.jpg", "image_corrupt"),
        ("profile-bomb.png", "image_too_large"),
        ("animated.webp", "image_animated"),
        ("animated.png", "image_animated"),
        ("pages.tiff", "image_animated"),
        ("directory-that-loops.tiff", "image_animated"),
        ("float.tiff", "unsupported_media_type"),
        ("cut-at-0.7.avif", "image_corrupt"),
    ],
)
def test_the_problem_names_the_error(url, name, code):
    assert problem_of(relight(url, CORPUS[name]))["code"] == code


def test_the_corpus_is_small():
    assert max(map(len, CORPUS.values())) < 2_000_000

"""`relight folder`: folders with broken photos, interruptions and changes."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from relight.cli.folder import JOURNAL, Journal, photos_in
from relight.client import Relit
from relight.lights import Light
from service.traffic.keys import digest_of
from tests.relight.cli.relight_command import COMMAND, environment, run
from tests.service.calls import metric, wait_until
from tests.service.pictures import noise
from tests.service.stand_ins import decoded, encoded

BROKEN = ("017.png", "sub/042.jpg", "sub/deep/099.png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of 100 small photos, 3 of them broken."""
    folder = tmp_path / "in"
    for number in range(100):
        place = ("", "sub/", "sub/deep/")[number * 3 // 100]
        path = folder / f"{place}{number:03d}.{'jpg' if number % 2 == 0 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(40, 48, seed=number), "jpeg" if number % 2 == 0 else "png"))
    for name in BROKEN:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    (folder / "notes.txt").write_text("no photo")
    (folder / ".hidden.png").write_bytes(b"no photo either")
    return folder


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so do the processes it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def outputs(out: Path) -> set[str]:
    return {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} - {JOURNAL}


def failures(stdout: str) -> list[str]:
    lines = [line for line in stdout.splitlines() if line.startswith("failed: ")]
    return [line.split(": ")[1] for line in lines]


@pytest.mark.usefixtures("interruptible")
def test_a_hundred_photos_interrupted_and_resumed_end_complete_with_the_broken_ones_named(
    fake_service, source, tmp_path
):
    out = tmp_path / "out"
    with fake_service(lambda n: 0.05 * n) as (url, engine):  # a folder of 5 s
        command = [COMMAND, "folder", str(source), str(out), "--url", url, "--jobs", "8"]
        first = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: len(list(out.rglob("[0-9]*"))) >= 20, timeout_s=30)
        first.send_signal(signal.SIGINT)
        stdout, stderr = first.communicate(timeout=20)
        assert first.returncode == 130, stderr
        assert "Traceback" not in stderr
        assert "run the same command to continue" in stderr
        assert "not tried" in stdout
        before = {name: (out / name).stat().st_mtime_ns for name in outputs(out)}
        assert 20 <= len(before) < 97
        for name in before:
            assert decoded((out / name).read_bytes()).shape == (40, 48, 3)  # none is half written

        wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0)
        engine.batch_sizes.clear()
        second = run(*command[1:])
        assert second.returncode == 1
        assert failures(second.stdout) == list(BROKEN)
        assert sum(engine.batch_sizes) == 97 - len(before)  # what was done is not done again

        third = run(*command[1:])
        assert failures(third.stdout) == list(BROKEN)
        assert sum(engine.batch_sizes) == 97 - len(before)
    photos = {p.relative_to(source).as_posix() for p in source.rglob("[0-9]*.*")}
    assert outputs(out) == photos - set(BROKEN)
    assert all((out / n).stat().st_mtime_ns == changed for n, changed in before.items())


def test_other_options_a_changed_photo_or_a_damaged_answer_are_done_again(
    fake_service, tmp_path, png
):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (source / name).write_bytes(png)
    with fake_service(lambda n: 0.0) as (url, engine):

        def num_relit(*options: str) -> int:
            engine.batch_sizes.clear()
            assert run("folder", source, out, "--url", url, *options).returncode == 0
            return sum(engine.batch_sizes)

        assert num_relit("--temperature", "3000") == 3
        assert num_relit("--temperature", "3000") == 0
        assert num_relit("--temperature", "4000") == 3
        (source / "a.png").write_bytes(encoded(noise(40, 48), "png"))
        (out / "b.png").write_bytes(b"damaged")
        (out / "c.png").unlink()
        assert num_relit("--temperature", "4000") == 3
        assert num_relit("--temperature", "4000") == 0
        assert num_relit("--light", "E-4000") == 3
        assert num_relit("--light", "E-4000", "--format", "webp") == 3
    assert {"a.webp", "b.webp", "c.webp"} <= outputs(out)


def test_an_overloaded_service_loses_no_photo(fake_service, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(12):
        (source / f"{number}.png").write_bytes(encoded(noise(seed=number, height_px=40), "png"))
    with fake_service(lambda n: 0.1, max_batch_size=1, max_queue_wait_ms=150) as (url, _):
        done = run("folder", source, out, "--url", url, "--jobs", "12")
    assert (done.returncode, len(outputs(out))) == (0, 12)


def test_a_service_that_goes_away_stops_the_run_with_one_line(fake_service, source, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        done = run("folder", source, tmp_path / "out", "--url", url, "--timeout", "5")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: ")
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_key_or_light_is_reported_before_the_first_photo(fake_service, source, tmp_path):
    with fake_service(lambda n: 0.0, api_keys=(f"me:{digest_of('secret')}",)) as (url, engine):
        folder = ("folder", source, tmp_path / "out")
        refused = run(*folder, "--url", url)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "a key is needed" in refused.stderr
        wrong = run(*folder, "--direction", "N", RELIGHT_URL=url, RELIGHT_KEY="secret")
        assert wrong.stderr.strip() == "error: no model relights from N (allowed: E, W)"
        assert not engine.batch_sizes


def test_without_a_service_this_process_does_the_work(models_dir, tmp_path, png):
    source, out = tmp_path / "in", tmp_path / "in" / "out"
    source.mkdir()
    (source / "good.png").write_bytes(png)
    (source / "bad.png").write_bytes(png[:500])
    for _ in range(2):  # the second time, what lies in OUT is no input
        done = run("folder", source, out, "--direction", "W", RELIGHT_MODELS_DIR=models_dir)
        assert (done.returncode, failures(done.stdout)) == (1, ["bad.png"])
    assert outputs(out) == {"good.png"}


def test_a_folder_without_photos_is_a_mistake(tmp_path):
    refused = run("folder", tmp_path, tmp_path / "out")
    assert refused.returncode == 1
    assert refused.stderr.strip() == f"error: no photos in {tmp_path}"


def relit(media_type: str = "image/png") -> Relit:
    return Relit(
        data=b"1234", media_type=media_type, light=Light("E", 6500), model="m", request_id="1"
    )


def test_a_link_in_a_circle_and_a_dangling_one_are_no_photos(tmp_path):
    (tmp_path / "a.jpg").symlink_to("a.jpg")
    (tmp_path / "b.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "ok.jpg").touch()
    assert [photo.name for photo in photos_in(tmp_path, tmp_path / "out")] == ["ok.jpg"]


def test_a_name_of_the_maximum_number_of_bytes_is_written(tmp_path):
    name = "n" * 251 + ".png"
    (tmp_path / name).touch()
    (photo,) = photos_in(tmp_path, tmp_path / "out")
    journal = Journal(tmp_path / "out", {}, [photo])
    journal.keep(photo, relit(), journal.source(photo))
    assert outputs(tmp_path / "out") == {name}


def test_one_photo_that_cannot_be_written_affects_no_other(fake_service, tmp_path, png):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.png", "b" * 251 + ".png", "c.png"):
        (source / name).write_bytes(png)
    (out / "c.webp").mkdir(parents=True)
    with fake_service(lambda n: 0.0) as (url, _):
        done = run("folder", source, out, "--url", url, "--format", "webp")
    assert done.returncode == 1
    assert failures(done.stdout) == ["b" * 251 + ".png", "c.png"]
    assert "a.webp" in outputs(out)


def test_a_file_that_relight_did_not_write_is_not_replaced(fake_service, tmp_path, png):
    source, out = tmp_path / "photos" / "2024", tmp_path / "photos"
    source.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (source / name).write_bytes(png)
    (out / "a.png").write_bytes(b"an original")
    with fake_service(lambda n: 0.0) as (url, _):
        for _ in range(2):  # the second time, what was relit is no input
            done = run("folder", source, out, "--url", url)
            assert failures(done.stdout) == ["a.png"]
            assert "no run of relight wrote it" in done.stdout
    assert (out / "a.png").read_bytes() == b"an original"
    assert decoded((out / "b.png").read_bytes()).shape == decoded(png).shape


def test_a_run_that_was_killed_finds_the_file_that_it_had_no_time_to_note(tmp_path):
    (tmp_path / "a.png").touch()
    (photo,) = photos_in(tmp_path, tmp_path / "out")
    out = tmp_path / "out"
    journal = Journal(out, {}, [photo])
    journal.keep(photo, relit(), journal.source(photo))
    lines = (out / JOURNAL).read_text().splitlines()
    (out / JOURNAL).write_text(lines[0] + "\n")
    again = Journal(out, {}, [photo])
    assert not again.is_done(photo)
    again.keep(photo, relit(), again.source(photo))
    assert again.is_done(photo)


def test_in_and_out_must_be_two_folders(tmp_path, png):
    (tmp_path / "a.png").write_bytes(png)
    (tmp_path / "link").symlink_to(tmp_path)
    for out in (tmp_path, tmp_path / "link"):
        refused = run("folder", tmp_path, out)
        assert refused.stderr.strip() == "error: OUT must be another folder than IN"


def test_the_table_adds_up(fake_service, tmp_path, png):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.png").write_bytes(png)
    with fake_service(lambda n: 0.0) as (url, _):
        run("folder", source, out, "--url", url)
        (source / "b.png").write_bytes(png)
        (source / "c.png").write_bytes(png[:200])
        done = run("folder", source, out, "--url", url)
    cells = next(line for line in done.stdout.splitlines() if "1" in line)
    counts = [int(cell) for cell in re.findall(r"\b\d+\b(?!\.)", cells)[:5]]
    assert counts == [1, 1, 1, 0, 3]


def test_a_journal_that_was_cut_off_costs_only_its_last_photo(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    photos, out = photos_in(tmp_path, tmp_path / "out"), tmp_path / "out"
    journal = Journal(out, {}, photos)
    for photo in photos:
        journal.keep(photo, relit(), journal.source(photo))
    lines = (out / JOURNAL).read_text()
    (out / JOURNAL).write_text(lines[:-20])
    again = Journal(out, {}, photos)
    assert [again.is_done(photo) for photo in photos] == [True, False]
    again.keep(photos[1], relit(), again.source(photos[1]))
    assert again.is_done(photos[1])
    assert all(json.loads(line) for line in (out / JOURNAL).read_text().splitlines())

"""An image gets the version that git gives the tree it was built from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

from tests.deploy.tools import ROOT

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")


def git(tree: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Relight", "-c", "user.email=relight@example.org")
    command = ["git", "-C", str(tree), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def version_of(tree: Path) -> str:
    script = tree / "docker/version.sh"
    printed = subprocess.run([script], check=True, capture_output=True, text=True).stdout.strip()
    assert str(Version(printed)) == printed
    return printed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit."""
    tree = tmp_path / "tree"
    (tree / "docker").mkdir(parents=True)
    for name in ("docker/version.sh", ".git_archival.txt", ".gitattributes"):
        shutil.copy(ROOT / name, tree / name)
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "first")
    return tree


def test_a_tag_is_the_version(tree):
    git(tree, "tag", "v1.2.0")
    assert version_of(tree) == "1.2.0"


def test_every_later_commit_has_a_version_of_its_own(tree):
    git(tree, "tag", "v1.2.0")
    for number in (1, 2):
        git(tree, "commit", "--quiet", "--allow-empty", "--message", "more")
        commit = git(tree, "rev-parse", "--short=9", "HEAD")
        assert version_of(tree) == f"1.2.0.post{number}+g{commit}"


def test_without_a_tag_commits_are_counted(tree):
    commit = git(tree, "rev-parse", "--short=9", "HEAD")
    assert version_of(tree) == f"0.0.post1+g{commit}"


def test_an_archive_has_the_version_of_its_commit(tree, tmp_path):
    git(tree, "tag", "v1.2.0")
    git(tree, "archive", "--output", str(tmp_path / "tree.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "tree.tar", tmp_path / "archive", filter="data")
    assert version_of(tmp_path / "archive") == "1.2.0"


def test_a_copy_without_git_still_has_one(tree):
    shutil.rmtree(tree / ".git")
    assert version_of(tree) == "0.0"

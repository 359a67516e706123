import os
from pathlib import Path

import pytest

from anp.sources import files
from anp.sources.files import fingerprint, list_files, read_text


def names(root):
    return [os.path.relpath(file, root) for file in list_files(str(root)).files]


def write(path, text="{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_manifests_are_found_in_order_and_hidden_or_other_files_are_not(tmp_path):
    for name in ("b.yml", "a/z.json", "a.yaml", "c.txt", ".x.yaml", ".git/y.yaml", "a.yaml~", "d/.e/f.yaml", "Z.yaml"):
        write(tmp_path / name)

    assert names(tmp_path) == ["Z.yaml", "a.yaml", "a/z.json", "b.yml"]


def test_the_place_of_the_directory_may_be_hidden(tmp_path):
    write(tmp_path / ".hidden/a.yaml")

    assert names(tmp_path / ".hidden") == ["a.yaml"]


def test_a_file_named_outright_may_have_any_name(tmp_path):
    write(tmp_path / ".thing.txt")

    assert names(tmp_path / ".thing.txt") == ["."]


def test_links_are_followed_inside_and_not_outside(tmp_path):
    write(tmp_path / "out/secret.yaml")
    write(tmp_path / "root/real/a.yaml")
    root = tmp_path / "root"
    (root / "inside.yaml").symlink_to("real/a.yaml")
    (root / "outside.yaml").symlink_to("../out/secret.yaml")
    (root / "away").symlink_to("../out")
    (root / "note.txt").symlink_to("../out/secret.yaml")
    listing = list_files(str(root))

    assert names(root) == ["real/a.yaml"]
    assert [found.file for found in listing.diagnostics] == [str(root / "away"), str(root / "outside.yaml")]


def test_no_link_makes_a_file_count_twice_or_walking_endless(tmp_path):
    write(tmp_path / "sub/a.yaml")
    (tmp_path / "again").symlink_to("sub")
    (tmp_path / "sub/up").symlink_to("..")
    (tmp_path / "sub/self.yaml").symlink_to("self.yaml")

    assert names(tmp_path) == ["sub/a.yaml"]
    assert [found.file for found in list_files(str(tmp_path)).diagnostics] == [str(tmp_path / "sub/self.yaml")]


def test_a_mounted_configmap_is_read_through_its_links(tmp_path):
    write(tmp_path / "..2026_01/a.yaml")
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    assert names(tmp_path) == ["a.yaml"]


def test_a_dangling_link_is_told_and_hides_what_it_led_to(tmp_path):
    (tmp_path / "a.yaml").symlink_to("gone.yaml")
    listing = list_files(str(tmp_path))

    assert not listing.files
    assert len(listing.diagnostics) == 1
    assert listing.hides(str(tmp_path / "a.yaml"))
    assert not listing.hides(str(tmp_path / "b.yaml"))


def test_a_missing_directory_hides_all_that_was_in_it(tmp_path):
    listing = list_files(str(tmp_path / "gone"))

    assert listing.hides(str(tmp_path / "gone/a/b.yaml"))
    assert not listing.hides(str(tmp_path / "gone2/a.yaml"))


def test_special_files_in_a_directory_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")

    assert list_files(str(tmp_path)).files == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: ä".encode("latin-1"), "0xE4"),
        ("a: 1".encode("utf-16"), "UTF-16"),
        ("a: 1".encode("utf-32"), "UTF-32"),
    ],
)
def test_other_encodings_are_named(tmp_path, content, words):
    (tmp_path / "a.yaml").write_bytes(content)
    found = read_text(str(tmp_path / "a.yaml"))

    assert found.text is None
    assert words in found.diagnostics[0].message


def test_the_line_of_a_bad_byte_is_told(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: 1\nb: 2\nc: \xff\n")

    assert read_text(str(tmp_path / "a.yaml")).diagnostics[0].line == 3


def test_utf_8_may_have_a_mark(tmp_path):
    (tmp_path / "a.yaml").write_text("a: ä", encoding="utf-8-sig")

    assert read_text(str(tmp_path / "a.yaml")).text == "a: ä"


def test_a_file_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 1000)

    assert "larger than" in read_text("/dev/zero").diagnostics[0].message


@pytest.mark.parametrize("path", ["", "a\0b", "/proc/1/nothing/there", "x" * 5000])
def test_a_hopeless_path_is_a_diagnostic(path):
    assert list_files(path).diagnostics
    assert read_text(path).diagnostics


def test_a_fingerprint_differs_after_a_change(tmp_path):
    write(tmp_path / "a.yaml", "x: 1")
    before = fingerprint(str(tmp_path))
    assert fingerprint(str(tmp_path)) == before

    write(tmp_path / "a.yaml", "x: 12")
    assert (now := fingerprint(str(tmp_path))) != before
    Path(tmp_path / "a.yaml").unlink()
    assert fingerprint(str(tmp_path)) not in (before, now)

"""The disk has what was written or what was there before, and damage is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.node.cache import Cache, CacheError, Mark, Saved

SAVED = st.builds(Saved, st.builds(Mark, st.text(max_size=36), st.integers(0, 2**53)), st.binary(max_size=200))


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "state"


def test_there_is_nothing_before_anything_was_written(directory):
    cache = Cache(directory)

    assert cache.load() is None
    assert cache.intended() is None


@given(st.lists(SAVED, min_size=1, max_size=3))
def test_what_was_written_last_is_read(tmp_path_factory, saves):
    cache = Cache(tmp_path_factory.mktemp("state"))
    for saved in saves:
        cache.intend(saved.mark)
        cache.save(saved)

    assert Cache(cache._generation.parent).load() == saves[-1]
    assert cache.intended() == saves[-1].mark


@given(SAVED, st.data())
def test_every_beginning_of_a_file_is_damaged(tmp_path_factory, saved, data):
    cache = Cache(tmp_path_factory.mktemp("state"))
    cache.save(saved)
    whole = cache._generation.read_bytes()
    cache._generation.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])

    with pytest.raises(CacheError, match="generation is"):
        cache.load()


@given(SAVED, st.data())
def test_every_other_byte_is_damage(tmp_path_factory, saved, data):
    cache = Cache(tmp_path_factory.mktemp("state"))
    cache.save(saved)
    whole = bytearray(cache._generation.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    cache._generation.write_bytes(whole)

    with pytest.raises(CacheError):
        cache.load()


class TornError(OSError):
    def __init__(self):
        super().__init__(5, "Input/output error")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_write_that_fails_anywhere_leaves_what_was_there(directory, monkeypatch, step):
    cache = Cache(directory)
    before = Saved(Mark("u", 1), b"before")
    cache.save(before)

    def fail(*_):
        raise TornError

    with monkeypatch.context() as broken:
        match step:
            case "write":
                broken.setattr("anp.node.cache._sealed", lambda *_: _Torn())
            case "fsync":
                broken.setattr("os.fsync", fail)
            case "replace":
                broken.setattr("pathlib.Path.replace", fail)
        with pytest.raises((CacheError, TypeError)):
            cache.save(Saved(Mark("u", 2), b"after"))

    assert cache.load() == before


@given(SAVED, SAVED, st.data())
def test_who_dies_in_the_middle_of_a_write_leaves_what_was_there(tmp_path_factory, before, after, data):
    cache = Cache(tmp_path_factory.mktemp("state"))
    cache.save(after)
    written = cache._generation.read_bytes()
    cache.save(before)
    # What a process leaves that is killed before it renames its file.
    torn = cache._generation.with_name("generation.new")
    torn.write_bytes(written[: data.draw(st.integers(0, len(written)))])

    assert cache.load() == before
    cache.save(after)
    assert cache.load() == after
    assert not torn.exists()


class _Torn:
    """What no file takes."""


def test_files_are_for_their_owner(directory):
    cache = Cache(directory)
    cache.save(Saved(Mark("u", 1), b""))
    cache.intend(Mark("u", 1))

    assert {path.stat().st_mode & 0o077 for path in (directory, *directory.iterdir())} == {0}


def test_what_cannot_be_read_or_written_is_told(tmp_path):
    (tmp_path / "state").write_text("no directory")
    cache = Cache(tmp_path / "state")

    with pytest.raises(CacheError, match="cannot write"):
        cache.intend(Mark("u", 1))
    with pytest.raises(CacheError, match="cannot read"):
        cache.load()


@pytest.mark.parametrize("header", ["", "[]", "{}", '{"uid": 1, "number": 1}', '{"uid": "u", "number": "1"}'])
def test_a_header_that_makes_no_sense_is_refused(directory, header):
    cache = Cache(directory)
    cache.save(Saved(Mark("u", 1), b""))
    _forge(cache._generation, header.encode() + b"\n")

    with pytest.raises(CacheError, match="no header"):
        cache.load()


def _forge(path, body):
    import hashlib  # noqa: PLC0415 - here only

    path.write_bytes(b"anp generation 1\n" + hashlib.sha256(body).digest() + body)


def test_one_generation_precedes_another_only_of_the_same_manifest():
    assert Mark("a", 1).precedes(Mark("a", 2))
    assert not Mark("a", 2).precedes(Mark("a", 2))
    assert not Mark("a", 1).precedes(Mark("b", 2))

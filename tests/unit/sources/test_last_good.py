import shutil

from hypothesis import given
from hypothesis import strategies as st

from anp.sources.diagnostics import has_errors
from anp.sources.last_good import LastGood
from anp.sources.manifests import identity, load, load_file
from tests.unit.sources.manifest_strategies import distinct_documents, text_of

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\n"
BROKEN = ["a: [\n", "---\n3\n", "---\napiVersion: v1\nkind: Pod\nmetadata: {name: UPPER}\n"]

files = st.sampled_from(["a.yaml", "b.yaml", "sub/c.yaml"])
writes = st.one_of(
    st.tuples(files, distinct_documents.map(text_of)),
    st.tuples(
        files, st.builds(lambda objects, bad: text_of(objects) + bad, distinct_documents, st.sampled_from(BROKEN))
    ),
    st.tuples(files, st.none()),
    st.tuples(files, st.just(b"\xff")),
)


def write(root, name, content):
    path = root / name
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.unlink(missing_ok=True)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)


def in_force(manifests):
    return {identity(loaded.object): loaded.object for loaded in manifests.objects}


def first_of_each(parts):
    union = {}
    for part in parts:
        for key, thing in part.items():
            union.setdefault(key, thing)
    return union


@given(st.lists(writes, max_size=12))
def test_each_file_has_its_last_good_version_in_force(tmp_path_factory, journey):
    root = tmp_path_factory.mktemp("journey")
    last_good = LastGood(str(root))
    good: dict[str, dict] = {}  # what each file said when it last had no error
    cold: dict[str, dict] = {}  # what is sound in files that always had one
    for name, content in journey:
        write(root, name, content)
        now = last_good.refresh()

        read = load_file(str(root / name))
        if content is None:
            good.pop(name, None)
            cold.pop(name, None)
        elif not has_errors(read.diagnostics):
            good[name] = in_force(read)
            cold.pop(name, None)
        elif name not in good:
            cold[name] = cold.get(name, {}) | in_force(read)
        both = cold | good
        assert in_force(now) == first_of_each(both[file] for file in sorted(both))
        errors = {found.file for found in now.diagnostics if has_errors([found]) and "already in" not in found.message}
        present = [file for file in ("a.yaml", "b.yaml", "sub/c.yaml") if (root / file).exists()]
        assert errors == {str(root / file) for file in present if has_errors(load_file(str(root / file)).diagnostics)}
    shutil.rmtree(root)


@given(st.lists(st.tuples(files, distinct_documents.map(text_of)), max_size=6))
def test_without_mistakes_it_is_just_loading(tmp_path_factory, journey):
    root = tmp_path_factory.mktemp("sound")
    last_good = LastGood(str(root))
    for name, content in journey:
        write(root, name, content)

        assert last_good.refresh() == load(str(root))
    shutil.rmtree(root)


def test_a_directory_that_goes_away_takes_nothing_along(tmp_path):
    root = tmp_path / "d"
    root.mkdir()
    (root / "a.yaml").write_text(POD.format("a"))
    last_good = LastGood(str(root))
    before = in_force(last_good.refresh())
    root.rename(tmp_path / "e")

    gone = last_good.refresh()
    assert in_force(gone) == before
    assert has_errors(gone.diagnostics)

    root.mkdir()
    assert not last_good.refresh().objects


def test_a_file_that_cannot_be_read_any_more_keeps_its_objects(tmp_path):
    (tmp_path / "a.yaml").write_text(POD.format("a") + "---\n3\n")
    last_good = LastGood(str(tmp_path))
    before = in_force(last_good.refresh())
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "a.yaml").symlink_to("nowhere.yaml")

    assert in_force(last_good.refresh()) == before != {}


def test_errors_have_their_place_and_say_what_is_in_force(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(POD.format("a"))
    last_good = LastGood(str(tmp_path))
    last_good.refresh()
    file.write_text(POD.format("UPPER"))

    note, error = map(str, last_good.refresh().diagnostics)
    assert "stays in force" in note
    assert error.startswith(f"{file}:4:3: error: Pod UPPER: metadata.name: ")

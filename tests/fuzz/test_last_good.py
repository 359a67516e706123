"""Files that change in any way at all while they are followed: what was in force stays until they are sound again."""

import json
import shutil

from hypothesis import given
from hypothesis import strategies as st

from anp.sources.diagnostics import has_errors
from anp.sources.last_good import LastGood
from anp.sources.manifests import identity, load_file
from tests.fuzz.test_manifests import BOMBS, CRAFTED, DOCUMENTS
from tests.fuzz.trees import mutated

contents = st.one_of(
    st.sampled_from(DOCUMENTS).map(json.dumps),
    st.sampled_from(DOCUMENTS).flatmap(mutated).map(json.dumps),
    st.sampled_from((*CRAFTED, BOMBS["lists of lists"], "")),
).map(lambda text: text.encode("utf-8", "surrogatepass"))
writes = st.lists(
    st.tuples(st.sampled_from(("a.yaml", "b.json")), st.one_of(contents, st.binary(max_size=8))), max_size=8
)


@given(journey=writes)
def test_whatever_is_written_the_last_good_version_of_a_file_stays(tmp_path_factory, journey):
    root = tmp_path_factory.mktemp("journey")
    followed = LastGood(str(root))
    good = {}
    for name, content in journey:
        (root / name).write_bytes(content)
        now = followed.refresh()

        read = load_file(str(root / name))
        broken = has_errors(read.diagnostics)
        if not broken:
            good[name] = {identity(loaded.object): loaded.object for loaded in read.objects}
        else:
            assert any(found.file == str(root / name) for found in now.diagnostics if has_errors([found]))
        in_force = {identity(loaded.object): loaded.object for loaded in now.objects}
        for thing, kept in good.get("a.yaml", {}).items():  # whose objects count first
            assert in_force[thing] == kept
        assert good.get("b.json", {}).keys() <= in_force.keys()
    shutil.rmtree(root)

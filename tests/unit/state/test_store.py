from hypothesis import given
from hypothesis import strategies as st

from anp.state.store import Store

events = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 2)), max_size=20)


@given(events)
def test_only_the_last_word_on_each_object_counts(history):
    store = Store()
    for key, value in history:
        store.put(key, value)
    last = {key: value for key, value in dict(history).items() if value is not None}

    assert store.snapshot() == tuple(last[key] for key in sorted(last))
    assert len(store) == len(last)


@given(events)
def test_put_says_whether_the_snapshot_is_another_one(history):
    store = Store()
    for key, value in history:
        before = store.snapshot(), len(store)
        changed = store.put(key, value)

        assert changed == ((store.snapshot(), len(store)) != before)


@given(events)
def test_saying_all_again_changes_nothing(history):
    store = Store()
    for key, value in history:
        store.put(key, value)

    assert not any(store.put(key, value) for key, value in dict(history).items())


def test_a_snapshot_stays_as_it_was_taken():
    store = Store()
    store.put("a", 1)
    taken = store.snapshot()
    store.put("a", None)

    assert taken == (1,)
    assert store.snapshot() == ()


def test_what_does_not_matter_is_kept_and_changes_nothing():
    store = Store(essence=lambda value: value["labels"])

    assert store.put("a", {"labels": 1, "version": 1})
    assert not store.put("a", {"labels": 1, "version": 2})
    assert store.snapshot() == ({"labels": 1, "version": 2},)
    assert store.put("a", {"labels": 2, "version": 2})

"""Kinds of pods against every combination of labels, tried one by one."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from anp.firewall.proof.labelspace import LabelSpace
from compiler.labels import NAMESPACE_NAME_LABEL, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection
from compiler.selection import matches

KEYS = ("app", "tier")
VALUES = ("a", "b")

requirements = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(st.sampled_from(VALUES), min_size=1, unique=True).map(lambda values: tuple(sorted(values))),
    ),
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)
selectors = st.lists(requirements, max_size=2).map(lambda found: Selector.of(None, *found))
names = st.sampled_from(["shop", "bank"])
selections = st.builds(
    PodSelection,
    st.one_of(selectors, names.map(NamespaceNamed), names.map(lambda name: Selector.of({NAMESPACE_NAME_LABEL: name}))),
    selectors,
)


def selects(selection, name, namespace_labels, labels):
    where = selection.namespaces
    inside = where.name == name if isinstance(where, NamespaceNamed) else matches(where, namespace_labels)
    return inside and matches(selection.pods, labels)


def some_labels():
    for values in product([None, *VALUES, "c"], repeat=len(KEYS)):
        yield {key: value for key, value in zip(KEYS, values, strict=True) if value}


@given(st.lists(selections, max_size=4))
def test_there_is_one_kind_for_each_combination_of_selections(selections):
    kinds = list(LabelSpace(selections).kinds())
    found = {
        sum(
            1 << number
            for number, selection in enumerate(selections)
            if selects(selection, name, {**about, NAMESPACE_NAME_LABEL: name}, labels)
        )
        for name in ("shop", "bank", "elsewhere")
        for about in some_labels()
        for labels in some_labels()
    }
    assert sorted(kind.selected for kind in kinds) == sorted(found)
    for kind in kinds:
        for number, selection in enumerate(selections):
            assert selects(selection, kind.namespace, kind.namespace_labels, kind.labels) == bool(
                kind.selected >> number & 1
            )


@given(st.lists(selections, max_size=4))
def test_a_namespace_has_the_name_that_its_label_says(selections):
    for kind in LabelSpace(selections).kinds():
        assert kind.namespace_labels[NAMESPACE_NAME_LABEL] == kind.namespace

"""Whether one pod can be in two selections: against trying every pod of a small universe."""

from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from anp.api.syntax import dns_label
from anp.state.disjoint import Company, negated, overlapping, witness
from anp.state.selection import selects
from compiler.labels import EVERYTHING, NAMESPACE_NAME_LABEL, Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection
from compiler.selection import matches

# Values that selectors name, and one that none of them does: that is all that selectors can tell apart.
KEYS, VALUES = ("a", "b"), ("0", "1")
UNNAMED = "other"
NAMES = ("x", "y")


def worlds(keys, values):
    """Every set of labels over some keys."""
    for chosen in product((None, *values, UNNAMED), repeat=len(keys)):
        yield Labels({key: value for key, value in zip(keys, chosen, strict=True) if value is not None})


PODS = list(worlds(KEYS, VALUES))
NAMESPACES = [
    Labels({NAMESPACE_NAME_LABEL: name, **labels}) for name in (*NAMES, UNNAMED) for labels in worlds(("a",), VALUES)
]


def requirements(keys, values):
    return st.builds(
        lambda key, operator, some: Requirement(
            key, operator, tuple(sorted(some)) if operator in (Operator.IN, Operator.NOT_IN) else ()
        ),
        st.sampled_from(keys),
        st.sampled_from(Operator),
        st.sets(st.sampled_from(values)),
    )


def selectors(keys, values):
    return st.lists(requirements(keys, values), max_size=3).map(lambda some: Selector.of(None, *some))


# An upper-case name is none that a namespace can have.
namespaces = st.one_of(
    selectors(("a",), VALUES),
    st.lists(st.one_of(requirements((NAMESPACE_NAME_LABEL,), (*NAMES, "NoName")), requirements(("a",), VALUES))).map(
        lambda some: Selector.of(None, *some)
    ),
    st.sampled_from([NamespaceNamed(name) for name in NAMES]),
)
selections = st.builds(PodSelection, namespaces, selectors(KEYS, VALUES))


def selected(selection, namespace, pod):
    if isinstance(selection.namespaces, NamespaceNamed):
        inside = namespace[NAMESPACE_NAME_LABEL] == selection.namespaces.name
    else:
        inside = matches(selection.namespaces, namespace)
    return inside and selects(selection.pods, pod)


def asking(key, operator, *values):
    return PodSelection(EVERYTHING, Selector.of(None, Requirement(key, operator, values)))


def named(*names):
    return PodSelection(Selector.of(None, Requirement(NAMESPACE_NAME_LABEL, Operator.IN, names)))


@settings(max_examples=200)
@given(st.lists(selections, min_size=1, max_size=3))
@example([asking("a", Operator.IN, "0", "1"), asking("a", Operator.NOT_IN, "0")])
@example([asking("a", Operator.NOT_IN, "0"), asking("a", Operator.IN, "0")])
@example([asking("a", Operator.EXISTS), asking("a", Operator.DOES_NOT_EXIST)])
@example([named("NoName")])
@example([named("NoName", "x"), named("NoName", "y")])
def test_a_witness_is_found_if_and_only_if_there_is_one(several):
    there_is = any(
        all(selected(each, namespace, pod) for each in several) for namespace, pod in product(NAMESPACES, PODS)
    )
    found = witness(*several)
    assert (found is not None) == there_is
    if found is not None:
        assert all(selected(each, found.namespace, found.pod) for each in several)
        dns_label(found.namespace[NAMESPACE_NAME_LABEL])


@given(st.lists(selections, max_size=5))
def test_pairs_are_told_if_they_overlap(several):
    wanted = {
        (one, other)
        for one, other in product(range(len(several)), repeat=2)
        if one < other and witness(several[one], several[other]) is not None
    }
    found = {(one, other): both for one, other, both in overlapping(several)}
    assert set(found) == wanted
    for (one, other), both in found.items():
        for place in (one, other):
            assert selected(several[place], both.namespace, both.pod)


@given(requirements(KEYS, VALUES))
def test_a_negation_holds_where_the_other_does_not(requirement):
    for labels in PODS:
        one, other = (matches(Selector((each,)), labels) for each in (requirement, negated(requirement)))
        assert one is not other


def test_a_namespace_always_has_a_name():
    nameless = Selector.of(None, Requirement(NAMESPACE_NAME_LABEL, Operator.DOES_NOT_EXIST))
    assert witness(PodSelection(nameless)) is None


def test_what_a_pod_may_have_is_without_end():
    """However many values are excluded there is another; only the labels of namespaces' names are names."""
    excluded = Requirement("a", Operator.NOT_IN, ("x", *(f"x-{number}" for number in range(2, 50))))
    found = witness(PodSelection(EVERYTHING, Selector.of(None, excluded, Requirement("a", Operator.EXISTS))))
    assert dict(found.pod) == {"a": "x-50"}


@given(st.lists(selections, min_size=1, max_size=6))
def test_company_is_every_earlier_selection_that_can_share_a_pod(found):
    pairs = {(first, second) for first, second, _witness in overlapping(found)}
    company = Company(found)
    for place in range(len(found)):
        together = list(company.before(place))
        assert together == sorted(together, reverse=True)
        assert set(together) == {first for first, second in pairs if second == place}

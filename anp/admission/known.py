"""The cluster as it is known: all objects that lint looks at. There is no I/O here; one thread uses it at a time."""

import logging
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from anp import api
from anp.analysis.lint.sourcetext import Annotated, annotations_at
from anp.controller.inventory import News
from anp.controller.kinds import BUILT_IN, POLICIES
from anp.live.observed import Observed, observe
from anp.sources.manifests import Item, bare, identity
from anp.state.cluster import Cluster
from anp.state.cluster_state import ClusterState
from compiler.model import Policy

log = logging.getLogger(__name__)

RESOURCES = (*BUILT_IN, *POLICIES)
"""The kinds that are followed; all of them must be known before anything is judged."""
JUDGED = (api.NetworkPolicy.resource, *POLICIES)
"""The kinds that are judged."""

Identity: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True)
class Lintable:
    """A cluster, and what annotations of its policies say."""

    cluster: Cluster
    annotated: tuple[Annotated, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """All that findings depend on: with an equal key they are the same."""
        specs = []
        for policy in self.cluster.snapshot.policies:
            item = self.cluster.items[identity_of(policy)]
            specs.append(getattr(bare(item), "spec", None))
        return self.cluster.snapshot, tuple(specs), self.annotated


class Known:
    """The objects of the cluster as last seen."""

    def __init__(self) -> None:
        self._state = ClusterState()
        self._items: dict[Identity, Item] = {}

    def take(self, news: Iterable[News]) -> None:
        """Take news; an object that cannot be read is as it was before."""
        for each in news:
            try:
                self._take(each)
            except Exception:
                # A bug that one object brings to light must not cost the news of all others.
                log.exception("%s %s cannot be taken in", each.resource.kind, "/".join(filter(None, each.key)))

    def with_policy(self, key: Identity, item: Observed | None, policy: Policy | None) -> Lintable:
        """Return the cluster as it would be with this policy in the place of what it has; with None, without any."""
        snapshot = self._state.snapshot()
        policies = [each for each in snapshot.policies if identity_of(each) != key]
        if policy is not None:
            policies = sorted((*policies, policy), key=lambda each: each.order)
        items: Mapping[Identity, Item] = self._items if item is None else ChainMap({key: item}, self._items)
        written = (items[identity_of(each)] for each in policies)
        annotated = [
            found
            for each in written
            if isinstance(each, Observed) and each.annotations
            for found in annotations_at(each.origin, each.annotations)
        ]
        snapshot = replace(snapshot, policies=tuple(policies))
        return Lintable(Cluster(snapshot, {}, items, (), ()), tuple(annotated))

    def _take(self, news: News) -> None:
        kind, key = news.resource.kind, (news.resource.kind, *news.key)
        if news.document is None:
            self._items.pop(key, None)
            self._state.forget(*key)
            return
        item, _said = observe(news.resource, news.document)
        if item is None:
            log.warning("%s %s cannot be read", kind, "/".join(filter(None, news.key)))
            return
        # Addresses of objects without a place are the cluster's own; those of files may be made up.
        self._items[identity(item.object)] = item if isinstance(item.object, api.PolicyObject) else item.object
        self._state.put(item.object)


def identity_of(policy: Policy) -> Identity:
    """Return which object a policy comes from."""
    return policy.kind.value, policy.namespace, policy.name

"""The mapping file as people write it: its fields, what each may hold, and what it means to leave one out.

Nothing here knows how parts of a file fit together; that is for `anp.firewall.inventory.loading` to say.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from anp.api import syntax
from anp.api.admission import Channel
from anp.api.meta import LabelSelector as ApiLabelSelector
from anp.api.meta import LabelSelectorRequirement
from anp.api.structure import Listed, Mistake
from anp.firewall.inventory.addressing import addresses_of
from anp.firewall.inventory.model import Confidence, Neighbours

API_VERSION = "translate.anp.internal/v1alpha1"
KIND = "FirewallMapping"


def _name(text: str) -> str:
    return syntax.dns_label(text)


def _word(text: str) -> str:
    if not text.isprintable() or not text.strip() or text != text.strip():
        raise ValueError(f"{text!r} is not a name: write something printable, without spaces at either end")
    return text


def _addresses(text: str) -> str:
    addresses_of(text)
    return text


def _as_details(value: Any) -> Any:
    """Take a list of addresses for a segment that has nothing else to say."""
    return {"cidrs": value} if isinstance(value, list | tuple) else value


Addresses: TypeAlias = Annotated[str, AfterValidator(_addresses)]
"""A network ``10.0.0.0/8``, one address, or a range ``10.0.0.5-10.0.0.9``."""
Name: TypeAlias = Annotated[str, AfterValidator(_name)]
Word: TypeAlias = Annotated[str, AfterValidator(_word)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]


class _Part(BaseModel):
    """A part of the file; what it does not know is a mistake, for a mapping that is misread opens something."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=False,
        strict=True,
        use_attribute_docstrings=True,
    )


class Requirement(LabelSelectorRequirement):
    """One condition on one label."""

    model_config = ConfigDict(extra="forbid")

    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the values are read."""


class LabelSelector(ApiLabelSelector):
    """A condition on labels, as Kubernetes has it; `{}` selects everything."""

    model_config = ConfigDict(extra="forbid")

    match_expressions: Listed[Requirement] = ()
    """Further conditions, all of which must hold."""

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield every condition that cannot be asked."""
        yield from super().mistakes(channel)
        yield from (Mistake(problem.path, problem.message) for problem in self.read()[1])

    @property
    def document(self) -> dict[str, Any]:
        """The selector as policies write it."""
        written: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return written


class Pods(_Part):
    """Pods by their labels, in namespaces by theirs."""

    namespace_selector: LabelSelector = LabelSelector()
    """Which namespaces; all of them where it is absent."""
    pod_selector: LabelSelector = LabelSelector()
    """Which pods of those namespaces; all of them where it is absent."""


class Segment(_Part):
    """A part of the network inside which traffic does not cross the firewall."""

    cidrs: Listed[Addresses] = Field(min_length=1)
    """The addresses of the segment. A segment that says nothing else can be written as this list alone."""
    interfaces: Listed[Word] = ()
    """The firewall's interfaces or zones that lead here."""
    neighbours: Neighbours | None = Field(default=None, strict=False)
    """What is to hold between workloads and addresses of their segment that no entity has: the firewall was never
    between them. With `allow` it stays so, with `deny` policies may tighten it; unsaid, the proof names it."""


class Outside(_Part):
    """All addresses that are in no segment."""

    interfaces: Listed[Word] = ()
    """The firewall's interfaces or zones that lead there."""


class Entity(_Part):
    """One workload. Which pods: `pods`, or `namespaces`, or `namespace` and `labels` in short."""

    name: Name
    """What to call it; policies are named for it."""
    cidrs: Listed[Addresses] = Field(min_length=1)
    """The addresses that the firewall's rules know it by. Those of entities before it are not its own."""
    segment: Word | None = None
    """Its segment; found by the addresses where it is absent."""
    pods: Pods | None = None
    """Pods by their labels, in namespaces by theirs."""
    namespaces: LabelSelector | None = None
    """All pods of the namespaces with these labels."""
    namespace: Name | None = None
    """In short: the one namespace of this name."""
    labels: dict[str, str] | None = None
    """In short: the labels that its pods have."""
    confidence: Confidence = Field(default=Confidence.STATED, strict=False)
    """How somebody knows that the entry is right; whoever has looked at a guess removes the line."""
    reason: str = ""
    """Why the entry is as it is; for people."""

    @model_validator(mode="after")
    def _says_once_which_pods(self) -> "Entity":
        ways = [
            name
            for name, given in (
                ("pods", self.pods is not None),
                ("namespaces", self.namespaces is not None),
                ("namespace and labels", self.namespace is not None or self.labels is not None),
            )
            if given
        ]
        if len(ways) != 1:
            trouble = f"says which pods in two ways, {' and '.join(ways)}" if ways else "does not say which pods it is"
            raise ValueError(f"{trouble}: exactly one of `pods`, `namespaces`, or `namespace` and `labels` is needed")
        self.which_pods()
        return self

    def which_pods(self) -> tuple[LabelSelector, LabelSelector | None]:
        """Return the selectors of namespaces and of pods; no selector of pods means all of them.

        Raises:
            ValueError: a label is none; only before the entity has been checked.

        """
        if self.pods is not None:
            return self.pods.namespace_selector, self.pods.pod_selector
        if self.namespaces is not None:
            return self.namespaces, None
        where = {} if self.namespace is None else {"kubernetes.io/metadata.name": self.namespace}
        of_pods = None if self.labels is None else LabelSelector(match_labels=self.labels)
        return LabelSelector(match_labels=where), of_pods


class Rewrite(_Part):
    """Traffic to one port of an entity that arrives at another, as a Service translates it."""

    entity: Word
    """Whose port."""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    """Of which protocol."""
    from_: Annotated[Port, Field(alias="from")]
    """The port in the firewall's rules."""
    to: Port
    """The container's port."""


class Cluster(_Part):
    """Addresses that the cluster gives out, so that networks in policies do not match pods by accident."""

    pod_cidrs: Annotated[Listed[Addresses], Field(alias="podCIDRs")] = ()
    """The networks of pods."""
    nodes: Listed[Addresses] = ()
    """Addresses of nodes."""


Named: TypeAlias = dict[Word, Annotated[Listed[Addresses], Field()]]


class FirewallMapping(_Part):
    """Which workload has which of the firewall's addresses."""

    api_version: Literal["translate.anp.internal/v1alpha1"] = "translate.anp.internal/v1alpha1"
    """The version of this format; may be left out."""
    kind: Literal["FirewallMapping"] = "FirewallMapping"
    """May be left out."""
    segments: dict[Word, Annotated[Segment, BeforeValidator(_as_details, list[str] | Segment)]] = Field(
        default_factory=dict
    )
    """The parts of the network between which the firewall stands, by name; no two overlap."""
    outside: Outside = Outside()
    """Everything that is in no segment."""
    entities: Listed[Entity] = ()
    """The workloads, most specific first; no pod is in two of them."""
    external: Named = Field(default_factory=dict)
    """Names for addresses that are not workloads, for the report."""
    groups: Named = Field(default_factory=dict)
    """Addresses for names that the firewall's rules use and its export does not define."""
    ports: Listed[Rewrite] = ()
    """Ports that Services translate: policies are evaluated after that."""
    cluster: Cluster = Cluster()
    """What the cluster gives out itself."""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the file, for editors."""
    schema = FirewallMapping.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

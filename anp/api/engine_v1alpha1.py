"""engine.anp.internal/v1alpha1: how the engine's controller and its agents speak with each other, and nobody else does.

The models are the source of the CRDs. Agents read members by the thousand, and do that with `anp.transport`, which is
faster and refuses more.
"""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from anp.api.meta import Time
from anp.api.objects import KubernetesObject, Resource
from anp.api.structure import ATOMIC, ApiModel, CelRule, Listed

GROUP, VERSION = "engine.anp.internal", "v1alpha1"

Item = TypeVar("Item")

# Bounds are there for the API server, which wants to know what its rules could cost; a slice has at most 128 KiB or so.
_MANY = 65_536
_LIST: Any = Field(max_length=_MANY, json_schema_extra=ATOMIC)

Digest = Annotated[str, Field(pattern="^[0-9a-f]{16}$", max_length=16)]
Address = Annotated[str, Field(max_length=45)]
SliceName = Annotated[str, Field(pattern="^[a-z]+-[1-9][0-9]*-[0-9a-f]{24}$", max_length=60)]
Text = Annotated[str, Field(max_length=512)]
Number = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Port = Annotated[int, Field(ge=0, le=65535, json_schema_extra={"format": "int32"})]
Ends = Annotated[Listed[Port], Field(min_length=2, max_length=2, json_schema_extra=ATOMIC)]
Ranges = Annotated[Listed[Ends], _LIST]
Digests = Annotated[Listed[Digest], _LIST]
SliceNames = Annotated[Listed[SliceName], Field(max_length=8_192, json_schema_extra=ATOMIC)]
Moment = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
ProgramNames = Annotated[Listed[SliceName], Field(min_length=1, max_length=1_024, json_schema_extra=ATOMIC)]
Direction = Literal["egress", "ingress"]


# Entries.


class Member(ApiModel):
    """A pod, a node or a learned address."""

    shape: Digest
    """What it has in common with all that policies cannot tell from it."""
    addresses: Annotated[Listed[Address], Field(min_length=1, max_length=1_024, json_schema_extra=ATOMIC)]
    """Its addresses."""
    node: Annotated[str, Field(max_length=253)] = ""
    """Where a pod runs."""


class Shape(ApiModel):
    """What policies make of members that they cannot tell apart."""

    atoms: Digests
    """The questions of policies that are true of them, ascending."""
    egress: Digest | None = None
    """The program for what such pods send, if there is one."""
    ingress: Digest | None = None
    """The program for what such pods are sent, if there is one."""


class Span(ApiModel):
    """Consecutive addresses, from the one that it stands under."""

    last: Address
    """The last of them."""
    atoms: Digests
    """The questions of policies that are true of addresses there, ascending."""


Members = Annotated[dict[str, Member], Field(max_length=_MANY)]
Shapes = Annotated[dict[str, Shape], Field(max_length=_MANY)]
Spans = Annotated[dict[str, Span], Field(max_length=_MANY)]
Programs = Annotated[dict[str, ProgramNames], Field(max_length=_MANY)]


# The rows of a program.


class Packets(ApiModel):
    """Packets by protocol and destination port, as ranges of ports."""

    tcp: Ranges = ()
    """Ports of TCP."""
    udp: Ranges = ()
    """Ports of UDP."""
    sctp: Ranges = ()
    """Ports of SCTP."""
    other: bool = False
    """Whether packets of all other protocols belong to it."""


class Origin(ApiModel):
    """Where a verdict comes from: a rule of a policy, isolation, or the default."""

    tier: Literal["Admin", "NetworkPolicy", "Baseline"] | None = None
    """The policy's tier."""
    kind: Text = ""
    """The policy's kind."""
    namespace: Text = ""
    """The policy's namespace, if it has one."""
    policy: Text = ""
    """The policy's name."""
    direction: Direction
    """Which end is judged."""
    index: Number | None = None
    """The rule's place in its list."""
    rule: Annotated[str, Field(max_length=4_096)] = ""
    """The rule's name, if it has one."""
    isolated_by: Annotated[Listed[Text], _LIST] = ()
    """The policies that isolate, as namespace/name."""


class Outcome(ApiModel):
    """A final verdict."""

    accept: bool
    """Whether packets may pass."""
    origin: Origin
    """Where that comes from."""


class Tier(ApiModel):
    """The beginning of a tier."""

    isolation: Outcome | None = None
    """What becomes of what no rule settles, where the tier isolates."""


class NamedPackets(ApiModel):
    """Packets that only some peers have a name for."""

    atom: Digest
    """True of these peers."""
    packets: Packets
    """The packets."""


class Rule(ApiModel):
    """One rule of a tier."""

    action: Literal["Accept", "Deny", "Pass"]
    """What it says."""
    anyone: bool = False
    """Whether every address is a peer."""
    peers: Digests = ()
    """Of whom one of these is true is a peer."""
    packets: Packets
    """What it is about."""
    named: Annotated[Listed[NamedPackets], _LIST] = ()
    """What more it is about, for some peers."""
    origin: Origin
    """Where it comes from."""


class Row(ApiModel):
    """One row of a program: its direction, the beginning of a tier, or a rule."""

    exactly_one: ClassVar = True

    direction: Direction | None = None
    """What the program is for; the first row."""
    tier: Tier | None = None
    """A tier begins."""
    rule: Rule | None = None
    """The next rule of the tier."""


# Objects.


class GenerationSliceSpec(ApiModel):
    """The content."""

    rules: ClassVar = (
        CelRule("self == oldSelf", "a slice never changes: make another one", lambda _spec: True),  # we see no old one
    )

    holds: Literal["members", "shapes", "spans", "programs", "program"]
    """What it is a part of."""
    bucket: Number | None = None
    """Which part of a table: entries are spread by a hash of their keys."""
    buckets: Number | None = None
    """How many such parts there are."""
    members: Members | None = None
    """By owner: `pod namespace/name`, `node name` or `learned address`."""
    shapes: Shapes | None = None
    """By digest."""
    spans: Spans | None = None
    """By their first address."""
    programs: Programs | None = None
    """The slices that hold a program, in order; by digest."""
    rows: Annotated[Listed[Row], _LIST] | None = None
    """Rows of a program."""


class GenerationSlice(KubernetesObject):
    """A part of the compiled state of the cluster. Made by the controller, read by agents, changed by nobody."""

    resource: ClassVar = Resource(GROUP, VERSION, "GenerationSlice", "generationslices")

    spec: GenerationSliceSpec
    """The content."""


class Gone(ApiModel):
    """Entries that are no longer there."""

    members: Annotated[Listed[Text], _LIST] = ()
    """Owners."""
    shapes: Digests = ()
    """Digests."""
    spans: Annotated[Listed[Address], _LIST] = ()
    """First addresses."""
    programs: Digests = ()
    """Digests."""


class Change(ApiModel):
    """What one generation changed."""

    number: Number
    """The generation."""
    at: Moment
    """When it was published."""
    members: Members | None = None
    """Members that are new or other."""
    shapes: Shapes | None = None
    """Shapes that are new or other."""
    spans: Spans | None = None
    """Spans that are new or other."""
    programs: Programs | None = None
    """Programs that are new or other."""
    gone: Gone | None = None
    """What is no longer there."""


class Slices(ApiModel):
    """The slices of the four tables."""

    members: SliceNames = ()
    """Those with members."""
    shapes: SliceNames = ()
    """Those with shapes."""
    spans: SliceNames = ()
    """Those with spans."""
    programs: SliceNames = ()
    """Those that say where programs are."""


class PolicyGenerationSpec(ApiModel):
    """The compiled state of the cluster: what the slices hold, after the changes that came later."""

    rules: ClassVar = (
        CelRule(
            "self.number > oldSelf.number || self == oldSelf",
            "`number` must go up with every change",
            lambda _spec: True,  # we see no old one
        ),
    )

    number: Annotated[int, Field(ge=1, le=2**53, json_schema_extra={"format": "int64"})]
    """The generation; counts up."""
    at: Moment
    """When it was published."""
    check: Annotated[str, Field(pattern="^[0-9a-f]{32}$", max_length=32)]
    """What all entries and the number add up to."""
    base: Number
    """The generation that the slices hold."""
    slices: Slices
    """Where the base is."""
    changes: Annotated[Listed[Change], Field(max_length=512, json_schema_extra=ATOMIC)]
    """What was changed by the latest generations, in order; they may begin before the base."""


class PolicyGeneration(KubernetesObject):
    """The generation in force, and what it consists of. There is one object, `current`."""

    resource: ClassVar = Resource(GROUP, VERSION, "PolicyGeneration", "policygenerations")
    rules: ClassVar = (
        CelRule(
            "self.metadata.name == 'current'",
            "there is one object only, and its name is `current`",
            lambda manifest: manifest.metadata.name == "current",
        ),
    )

    spec: PolicyGenerationSpec
    """The state."""


class Sizes(ApiModel):
    """What a node's ruleset consists of."""

    chains: Number = 0
    """Chains."""
    elements: Number = 0
    """Elements of sets and maps."""
    classes: Number = 0
    """Classes of addresses that its programs tell apart."""
    programs: Number = 0
    """Programs that its pods run."""


class NodeEnforcementStatus(ApiModel):
    """What the agent says."""

    generation: Number | None = None
    """The generation in force on the node."""
    manifest: Annotated[str, Field(max_length=64)] = ""
    """The uid of the manifest that `generation` counts in."""
    error: Annotated[str, Field(max_length=4_096)] = ""
    """Why it is not the newest one; empty if it is, or will be in a moment."""
    observed_at: Time | None = None
    """When the agent last had news of generations."""
    applied_at: Time | None = None
    """When the generation came into force."""
    agent_version: Annotated[str, Field(max_length=64)] = ""
    """The agent's version."""
    sizes: Sizes | None = None
    """What the ruleset consists of."""


class NodeEnforcement(KubernetesObject):
    """What a node enforces; it has the node's name, and only the node's agent writes its status."""

    resource: ClassVar = Resource(GROUP, VERSION, "NodeEnforcement", "nodeenforcements")

    status: NodeEnforcementStatus | None = None
    """What the agent says."""

"""Every code that a translation can give as a reason: its weight, what it means, and the way out."""

from dataclasses import dataclass

from anp.sources.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of thing to know about a translation."""

    code: str
    severity: Severity
    title: str
    meaning: str
    hint: str


def _code(number: str, severity: Severity, title: str, meaning: str, hint: str) -> tuple[str, Code]:
    code = f"FW{number}"
    return code, Code(code, severity, title, meaning, hint)


_INFO, _WARNING, _ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

CODES: dict[str, Code] = dict(
    [
        _code(
            "001",
            _INFO,
            "disabled",
            "The source itself has switched this rule off, so it is not translated.",
            "Nothing to do; delete it from the source if it is not coming back.",
        ),
        _code(
            "002",
            _INFO,
            "rule with no effect",
            "The rule changes nothing: it counts, marks or has no action.",
            "Nothing to do.",
        ),
        _code(
            "003",
            _INFO,
            "jump",
            "The rule only leads to other rules, which are accounted for by themselves.",
            "Nothing to do.",
        ),
        _code(
            "004",
            _INFO,
            "default",
            "What the source says, or its kind of firewall holds, of packets that no rule matches.",
            "Check that the default is what you mean: it becomes the last rule of every workload.",
        ),
        _code(
            "010",
            _INFO,
            "logging",
            "Policies do not log; the rule's name keeps the line so that logs of denied packets can be joined.",
            "Nothing to do.",
        ),
        _code(
            "101",
            _ERROR,
            "ICMP by type, or alone",
            "Policies name TCP, UDP and SCTP only; ICMP goes with rules that name no protocol.",
            "Replies and errors of accepted connections pass anyway. Accept any protocol where ping is needed.",
        ),
        _code(
            "102",
            _WARNING,
            "time range",
            "Policies have no schedules.",
            "Decide with --approx, or apply a second set of policies by a CronJob.",
        ),
        _code(
            "103",
            _ERROR,
            "other IP protocol alone",
            "GRE, ESP and the like can be named only together with all other protocols.",
            "Accept any protocol between these two ends, or keep the rule on the firewall.",
        ),
        _code(
            "104",
            _WARNING,
            "rate or history",
            "Policies know nothing of rates, of connection counts or of what came before.",
            "Keep it on the firewall, or decide with --approx.",
        ),
        _code(
            "105",
            _WARNING,
            "user, application or content",
            "Policies see addresses and ports, not users or content.",
            "Decide with --approx, or use a service mesh for it.",
        ),
        _code(
            "106",
            _INFO,
            "MAC address",
            "Who may use which address is the CNI's to enforce.",
            "Check that your CNI does.",
        ),
        _code(
            "107",
            _INFO,
            "for the firewall itself",
            "The rule is about traffic of the firewall itself, or of pods on the host's network.",
            "Keep it where it is.",
        ),
        _code(
            "108",
            _WARNING,
            "match that policies do not have",
            "The rule asks for something that no policy can ask.",
            "Decide with --approx.",
        ),
        _code(
            "109",
            _INFO,
            "port 0",
            "Policies name ports from 1; nothing listens on port 0.",
            "Nothing to do.",
        ),
        _code(
            "110",
            _WARNING,
            "address translation",
            "Address translation is never translated.",
            "If the rules are written with translated addresses, give the mapping the addresses that the rules have.",
        ),
        _code(
            "121",
            _WARNING,
            "translated port",
            "Policies are evaluated after a Service's destination NAT, so the container's port is written instead.",
            "Check that the port rewrite in the mapping is the Service's targetPort.",
        ),
        _code(
            "122",
            _WARNING,
            "port without a way in",
            "With the rewrite, nothing on the firewall's side leads to this container port.",
            "The container's own port is open for those that could use the Service's.",
        ),
        _code(
            "130",
            _ERROR,
            "interface without a segment",
            "The rule asks for an interface, and no segment of the mapping has it.",
            "Name the interface in a segment, or under `outside`.",
        ),
        _code(
            "131",
            _INFO,
            "default of the platform",
            "Nobody wrote this; this kind of firewall holds it.",
            "Write it into the source if you would rather see it.",
        ),
        _code(
            "132",
            _INFO,
            "list that is not in use",
            "No interface, no chain and no policy leads packets to this list.",
            "Choose it with --list if it is the one you mean.",
        ),
        _code(
            "133",
            _WARNING,
            "list of one's choice",
            "The source does not say which packets meet this list, so all between segments do.",
            "Say it with --list, or add the line that binds it to an interface.",
        ),
        _code(
            "140",
            _INFO,
            "replies",
            "The rule lets replies pass, which policies do by themselves.",
            "Nothing to do.",
        ),
        _code(
            "141",
            _INFO,
            "invalid packets",
            "The rule drops packets of no connection, which never open one.",
            "Nothing to do.",
        ),
        _code(
            "142",
            _INFO,
            "stateless reply rule",
            "It lets replies of a service through by their source port. As a policy it would open the other direction.",
            "Nothing to do.",
        ),
        _code(
            "143",
            _WARNING,
            "source port",
            "Policies do not know source ports.",
            "Decide with --approx.",
        ),
        _code(
            "144",
            _WARNING,
            "flags, fragments, DSCP, TTL, length",
            "Policies know nothing of such fields.",
            "Decide with --approx.",
        ),
        _code(
            "150",
            _ERROR,
            "cannot be read",
            "A line that cannot be understood; the rest is read all the same.",
            "Mend the line, or report it if your firewall takes it.",
        ),
        _code(
            "151",
            _ERROR,
            "name that is not defined",
            "An object or group is used that the source does not define.",
            "Add it to the source, or under `groups` in the mapping.",
        ),
        _code(
            "152",
            _WARNING,
            "group without addresses",
            "The group has no addresses in this export.",
            "Give them under `groups` in the mapping.",
        ),
        _code(
            "153",
            _ERROR,
            "too large",
            "Chains that return from so many places that they cannot be written as a list.",
            "Split the chain, or translate part of it.",
        ),
        _code(
            "161",
            _WARNING,
            "domain name, as a destination to deny or as a source",
            "Policies know domain names only as destinations to accept.",
            "Give addresses under `groups` in the mapping.",
        ),
        _code(
            "201",
            _ERROR,
            "rule cuts an entity",
            "A rule is about some of the addresses of an entity, so the entity is not one workload to the firewall.",
            "Carve the addresses out as an entity of their own, before it.",
        ),
        _code(
            "202",
            _INFO,
            "no workload at either end",
            "Neither end of the rule is a workload of the mapping.",
            "Keep it on the firewall.",
        ),
        _code(
            "203",
            _WARNING,
            "address that is not mapped",
            "An address in a segment is no entity's; it counts as a host that is not in the cluster.",
            "Map it, or state what holds for neighbours of the segment.",
        ),
        _code(
            "204",
            _WARNING,
            "any and what is not mapped",
            "The rule is about any address, so it is about pods too that the mapping does not name.",
            "Check that this is meant.",
        ),
        _code(
            "205",
            _ERROR,
            "two entities have the same pods",
            "Two entities' selectors can select one pod.",
            "Add a label to one selector that the other excludes.",
        ),
        _code(
            "206",
            _WARNING,
            "two entities have the same pods today",
            "The selectors are not disjoint by what they say, only on today's pods.",
            "Add a label to one selector that the other excludes.",
        ),
        _code(
            "207",
            _ERROR,
            "segments overlap",
            "Two segments have an address in common.",
            "Make them disjoint.",
        ),
        _code(
            "208",
            _ERROR,
            "mapping is not sound",
            "The mapping file says something that cannot be.",
            "See the message.",
        ),
        _code(
            "209",
            _WARNING,
            "guess",
            "The entry was guessed by anp translate suggest and nobody has looked at it.",
            "Look at it and remove `confidence: guess`, or pass --accept-guesses.",
        ),
        _code(
            "210",
            _WARNING,
            "entity that no rule names",
            "No rule is about this entity, only the default.",
            "Check the addresses.",
        ),
        _code(
            "211",
            _WARNING,
            "entity without pods",
            "No pod of the cluster has these labels.",
            "Check the selector.",
        ),
        _code(
            "301",
            _WARNING,
            "rule that never matches",
            "Earlier rules match all that it does.",
            "Delete it, or move it up if it is the one that you mean.",
        ),
        _code(
            "302",
            _INFO,
            "redundant rule",
            "Without it, later rules say the same.",
            "Delete it if you like.",
        ),
        _code(
            "303",
            _WARNING,
            "hidden by what was made of other rules",
            "Earlier rules decide about all that it matches, as they are translated; on the firewall they do not.",
            "See what became of the earlier rules: one was kept without its condition. Decide with --approx.",
        ),
        _code(
            "401",
            _WARNING,
            "source from outside",
            "Admin policies cannot name outside sources; a NetworkPolicy does, which the namespace's owner can widen.",
            "Watch NetworkPolicies of these namespaces, or keep the firewall in front.",
        ),
        _code(
            "402",
            _WARNING,
            "more than the profile allows",
            "The target takes fewer rules, peers or priorities than this needs.",
            "Choose another profile, or merge entities.",
        ),
        _code(
            "403",
            _INFO,
            "split",
            "The rules do not fit in one object, so they are in several, whose priorities keep order where it matters.",
            "Nothing to do.",
        ),
        _code(
            "404",
            _WARNING,
            "accepted on one side only",
            "One end of the connection is not the cluster's, so only the other end is enforced.",
            "Nothing to do.",
        ),
        _code(
            "501",
            _WARNING,
            "name service",
            "The result denies DNS to these workloads, which never crossed the firewall.",
            "Pass --infra-allow dns, or map the name servers.",
        ),
        _code(
            "502",
            _WARNING,
            "API server",
            "The result denies the Kubernetes API to these workloads.",
            "Pass --infra-allow api if they use it.",
        ),
        _code(
            "503",
            _INFO,
            "probes",
            "Probes of the node's kubelet reach its own pods whatever the policies say.",
            "Nothing to do.",
        ),
        _code(
            "504",
            _WARNING,
            "metrics",
            "The result denies these workloads to a scraper in the cluster.",
            "Pass --infra-allow metrics, or map the scraper.",
        ),
        _code(
            "601",
            _INFO,
            "explained difference",
            "Firewall and policies differ here for a reason that is named.",
            "Read the reason and sign it.",
        ),
        _code(
            "602",
            _ERROR,
            "unexplained difference",
            "Firewall and policies differ here, and nothing explains it.",
            "Mend the mapping or the policies; or state that it is meant.",
        ),
    ]
)
"""Codes by their text, such as ``FW101``."""

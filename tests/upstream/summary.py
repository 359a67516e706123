"""What docs/conformance says, made of what came of the runs."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.upstream.suites import Suite, profiles

_HEAD = """\
# Upstream's suites, as they were run

<!-- Made by `make upstream-conformance`: do not edit. -->

The conformance suites of the network-policy-api, unmodified, against a real API server, scheduler and controllers, and
the engine as [it is installed](../install.md): controllers and agents with the rights of `deploy` and no others.

| suite | profiles | tests passed | probes passed | connections tried | minutes | report |
|---|---|---:|---:|---:|---:|---|
"""

_HOW = """
## How

`make upstream-conformance` builds everything from pinned modules (`tests/controlplane/go`), starts a cluster for each
suite, and runs the suite's own program against it: every profile, every feature, nothing exempt and nothing skipped.
Pods are network namespaces on two nodes, which forward their packets; the containers run the real agnhost. SCTP is
spoken by our own sockets where the kernel has none. A run passes only if every test does, the report says so too, and
no call of the engine was forbidden.

Where a suite asks only once, a probe is held until the engine has caught up. Whether it has is seen from outside: the
generation is worked out anew from all objects of the API server, the published one has to equal it, and the agents of
all nodes have to say that it is in force. A probe that is held for a minute fails.

In v0.1.5 two tests are about both kinds of policies, and count for neither profile. *Connections tried* counts commands
that a suite had executed in pods. v0.2.0 asks each question until the answer is as expected, and then once more;
*probes* are its questions.
"""

_OLDER = """
## The release that is not here

The suite for AdminNetworkPolicy and BaselineAdminNetworkPolicy should be that of v0.1.8. It could not be obtained: the
Go module proxy that the programs are built from does not serve that version (its answer: 403, "This module version is
not available"). So v0.1.5 is run, which it serves. v0.1.5 has 24 tests as well, and fewer probes: those that the table
says. Peers that are networks are a feature of their own there. All 289 probes of v0.1.8 are among our own scenarios,
and run with real packets: `make conformance`, suite `admin-network-policy`, see [Conformance](../conformance.md).
"""


def summary(facts: Iterable[Mapping[str, Any]], reports: Mapping[str, Any], suites: Iterable[Suite]) -> str:
    """Return the page; `reports` are the documents by the suites' versions."""
    by_version = {each["suite"]: each for each in facts}
    rows, remarks = "", ""
    for suite in suites:
        known, found = by_version[suite.version], profiles(reports[suite.version])
        named = "<br>".join(f"{each.name} ({each.passed})" for each in found)
        rows += (
            f"| {suite.version} | {named} | {len(known['tests'])} of {suite.tests} "
            f"| {known['probes']} of {suite.probes} "
            f"| {known['executed']} | {known['seconds'] / 60:.1f} | [{suite.file}]({suite.file}) |\n"
        )
        remarks += f"\n{_remarks(suite, known)}"
    return f"{_HEAD}{rows}{_HOW}\n## What was particular\n{remarks}{_OLDER}"


def _remarks(suite: Suite, known: Mapping[str, Any]) -> str:
    where = known["environment"]
    features = ", ".join(suite.features)
    text = (
        f"**{suite.version}**, on {known['date']}: Kubernetes {where['kubernetes']}, Linux {where['kernel']}, "
        f"{where['nodes']} nodes, {where['controllers']} controllers, a machine with {where['processors']} processors. "
        f"Features: {features}.\n\n"
    )
    lines = [f"* {remark}" for remark in known["remarks"]]
    if held := known["held"]:
        lines.append(
            f"* after each of {held['times']} changes the next probe was held, {1000 * held['median']:.0f} ms at the "
            f"median and {1000 * held['longest']:.0f} ms at most: the suite asks only once, and as soon as it can"
        )
    return text + "".join(f"{line}\n" for line in lines)

"""The work of `anp status`: read what there is to read, and say how the cluster is doing."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from anp import api
from anp.api.engine_v1alpha1 import NodeEnforcement, PolicyGeneration
from anp.api.objects import Resource
from anp.cli import console
from anp.cli.options import Output
from anp.controller.client import FORBIDDEN, NOT_FOUND, CallError, Client, ConfigError, configured, path_of
from anp.controller.events import EVENTS
from anp.node.overview import REPORTER, NodeState, Overview, PolicyState, overview
from anp.sources.diagnostics import printable
from anp.transport import NAME

_POLICIES = (
    api.AdminNetworkPolicy.resource,
    api.BaselineAdminNetworkPolicy.resource,
    api.ClusterNetworkPolicy.resource,
    api.NetworkPolicy.resource,
)


def print_status(kubeconfig: str, output: Output) -> bool:
    """Print how the cluster is doing, and say whether it is well."""
    try:
        configuration = configured(kubeconfig)
    except ConfigError as error:
        console.fail(str(error))
    client = Client(configuration)
    try:
        found = asyncio.run(_seen(client))
    except CallError as error:
        console.fail(str(error), console.EXIT_CANNOT)
    finally:
        client.close()
    if output is Output.TEXT:
        _print(found, datetime.now(UTC))
    else:
        console.document(_as_json(found), output)
    return found.well


async def _seen(client: Client) -> Overview:
    kinds = (NodeEnforcement.resource, *_POLICIES, EVENTS)
    manifest, *lists = await asyncio.gather(_manifest(client), *(_listed(client, kind) for kind in kinds))
    enforcements, *policies, events = lists
    every = [
        {"kind": resource.kind, **policy}
        for resource, found in zip(_POLICIES, policies, strict=True)
        for policy in found
    ]
    return overview(manifest, enforcements, every, events, datetime.now(UTC))


async def _manifest(client: Client) -> Mapping[str, Any] | None:
    try:
        return await client.call("GET", path_of(PolicyGeneration.resource, NAME))
    except CallError as error:
        if error.code == NOT_FOUND:
            return None
        raise


async def _listed(client: Client, resource: Resource) -> list[dict[str, Any]]:
    """Return all objects of a kind; none if there is no such kind. Policies may be hidden from who asks."""
    try:
        if resource == EVENTS:
            return await client.listed(resource, fieldSelector=f"reportingController={REPORTER}")
        return await client.listed(resource)
    except CallError as error:
        if error.code == NOT_FOUND:
            return []
        if error.code == FORBIDDEN and resource != NodeEnforcement.resource:
            console.warn(f"{resource.kind} objects are left out: {error}")
            return []
        raise


def _print(found: Overview, now: datetime) -> None:
    if found.generation is None:
        console.say("no generation is published: is there a controller?")
    else:
        console.say(f"generation {found.generation}, published {_age(found.published, now)} ago")
    if found.nodes:
        console.say()
    rows = [("NODE", "GENERATION", "LAG", "REPORTED", "TROUBLE"), *(_row(node, now) for node in found.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows if found.nodes else ():
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        console.say("  ".join([*cells, row[4]]).rstrip())
    if found.policies:
        console.say()
    for policy in found.policies:
        console.say(_line(policy))
    console.say()
    failing = sum(not node.well for node in found.nodes)
    refused = sum(policy.refused for policy in found.policies)
    console.say(
        f"{len(found.nodes) - failing} of {len(found.nodes)} nodes are up to date, "
        f"{refused} {'policy is' if refused == 1 else 'policies are'} refused"
    )


def _row(node: NodeState, now: datetime) -> tuple[str, str, str, str, str]:
    numbers = ("-" if number is None else str(number) for number in (node.generation, node.lag))
    generation, lag = numbers
    return printable(node.name), generation, lag, _age(node.reported, now), printable(node.trouble)


def _line(policy: PolicyState) -> str:
    name = f"{policy.namespace}/{policy.name}" if policy.namespace else policy.name
    mark = "refused: " if policy.refused else ""
    return printable(f"{policy.kind} {name}: {mark}{policy.reason}: {policy.message}")


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _as_json(found: Overview) -> dict[str, Any]:
    return {
        "kind": "Status",
        "version": 1,
        "well": found.well,
        "generation": found.generation,
        "published": _text(found.published),
        "nodes": [
            {
                "name": node.name,
                "generation": node.generation,
                "lag": node.lag,
                "reported": _text(node.reported),
                "well": node.well,
                "trouble": node.trouble or None,
            }
            for node in found.nodes
        ],
        "policies": [
            {
                "kind": policy.kind,
                "namespace": policy.namespace or None,
                "name": policy.name,
                "refused": policy.refused,
                "reason": policy.reason,
                "message": policy.message,
            }
            for policy in found.policies
        ],
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

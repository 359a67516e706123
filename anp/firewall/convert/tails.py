"""The order of everything about one entity, and what of it goes to which tier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anp.firewall.convert.infrastructure import infrastructure
from anp.firewall.convert.lists import Entry, Lists
from anp.firewall.convert.model import Settings, Tail
from anp.firewall.convert.packets import ANY
from anp.firewall.convert.parties import Parties
from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Action


@dataclass(frozen=True, slots=True)
class Spoken:
    """The rules of one entity's policies: by direction, of the Admin tier, and of the Baseline tier at its end."""

    ingress: tuple[Entry, ...]
    egress: tuple[Entry, ...]
    baseline_ingress: tuple[Entry, ...] = ()
    baseline_egress: tuple[Entry, ...] = ()


def spoken(lists: Lists, parties: Parties, inventory: Inventory, settings: Settings) -> Spoken:
    """Put the lists of one entity in order, and their tails where these are wanted."""
    extra_ingress, extra_egress = infrastructure(inventory, settings)
    apart, pods, networks = lists.egress_apart, lists.egress, lists.egress_networks
    if settings.tail is Tail.DENY:
        egress = (*apart, *pods, *networks)
        return Spoken(_led(extra_ingress, lists.ingress, ()), _led(extra_egress, egress, ()))
    ingress, ingress_tail = _cut(lists.ingress, parties.every_pod)
    networks, networks_tail = _cut(networks, 0)
    pods, pods_tail = _cut(pods, parties.every_pod)
    apart, apart_tail = _cut(apart, 0)
    # What the Baseline tier will deny must not meet what comes after it here.
    apart = (*apart, *(replace(entry, action=None) for entry in apart_tail))
    if networks:
        pods = (*pods, *(replace(entry, action=None) for entry in pods_tail))
    egress = (*apart, *pods, *networks)
    baseline = (*apart_tail, *pods_tail, *networks_tail)
    return Spoken(
        _led(extra_ingress, ingress, ingress_tail), _led(extra_egress, egress, baseline), ingress_tail, baseline
    )


def _led(extra: Sequence[Entry], entries: Sequence[Entry], tail: Sequence[Entry]) -> tuple[Entry, ...]:
    """Put what the cluster needs for itself before everything, where anything is denied."""
    denies = any(entry.action is not Action.PERMIT for entry in (*entries, *tail))
    return (*extra, *entries) if denies else tuple(entries)


def _cut(entries: Sequence[Entry], everybody: int) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Cut a list before its last entries that deny everything; only of all pods, where that is asked for."""
    place = len(entries)
    while place and entries[place - 1].action is Action.DENY and entries[place - 1].packets == ANY:
        if everybody and entries[place - 1].pods != everybody:
            break
        place -= 1
    return tuple(entries[:place]), tuple(entries[place:])

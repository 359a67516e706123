"""How much the targets take, and where in their priorities a translation goes."""

from dataclasses import replace

from anp.firewall.convert.model import Profile, Settings, Target

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        # ClusterNetworkPolicy v1alpha2 as its schema has it (semantics.md 1.5).
        Profile("upstream", rules=25, peers=25, ports=25, networks=25, first_priority=0, last_priority=1000),
        # AdminNetworkPolicy v1alpha1 (semantics.md 1.3).
        Profile("anp", rules=100, peers=100, ports=100, networks=25, first_priority=0, last_priority=1000),
        # OVN-Kubernetes takes no priority above 99.
        Profile("ovn-k", rules=100, peers=100, ports=100, networks=25, first_priority=0, last_priority=99),
    )
}
"""What a target can be besides its kind, by name."""

_OF_TARGET = {Target.CNP: PROFILES["upstream"], Target.ANP: PROFILES["anp"]}


def limits(settings: Settings) -> Profile:
    """Return the limits that hold for a translation: the schema's of the target, and the profile's priorities.

    Raises:
        KeyError: there is no such profile.

    """
    chosen, schema = PROFILES[settings.profile], _OF_TARGET[settings.target]
    return replace(schema, name=chosen.name, first_priority=chosen.first_priority, last_priority=chosen.last_priority)


def first_priority(settings: Settings) -> int:
    """Return the priority of the first objects: what is asked for, or one that leaves a tenth free before it."""
    if settings.priority is not None:
        return settings.priority
    profile = limits(settings)
    return profile.first_priority + (profile.last_priority - profile.first_priority + 1) // 10

"""Every provider there is, our own and those that other packages bring, and which of them reads a text.

A package brings one by an entry point of the group ``anp.firewall_providers`` that leads to a `Provider`, or to
something that makes one when called without arguments. One that is broken is said to be, and the others work.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata

from anp.firewall.model import Firewall
from anp.firewall.providers.builtin import BUILT_IN
from anp.firewall.providers.provider import Options, Provider, Source
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic

GROUP = "anp.firewall_providers"


class UnknownProviderError(Exception):
    """No provider, or more than one, is the one that is asked for; the message lists them."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Providers by name, and what is wrong with those that could not be had."""

    providers: Mapping[str, Provider]
    diagnostics: tuple[Diagnostic, ...] = ()

    def named(self, name: str) -> Provider:
        """Return a provider by its name.

        Raises:
            UnknownProviderError: there is none.

        """
        try:
            return self.providers[name]
        except KeyError:
            known = ", ".join(sorted(self.providers))
            raise UnknownProviderError(f"there is no provider {name!r}; there are {known}") from None

    def recognise(self, source: Source) -> Provider:
        """Return the provider that reads a text.

        Raises:
            UnknownProviderError: none does, or several do.

        """
        found = [provider for provider in self.providers.values() if provider.recognises(source)]
        if len(found) == 1:
            return found[0]
        if not found:
            known = ", ".join(sorted(self.providers))
            raise UnknownProviderError(f"{source.name} is in no format that we recognise; name one of {known}")
        names = " and ".join(sorted(provider.name for provider in found))
        raise UnknownProviderError(f"{source.name} may be {names}; name the one that it is")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A provider of others, whose failures are diagnostics as well once it is in use."""

    provider: Provider
    name: str
    title: str

    def recognises(self, source: Source) -> bool:
        """Say what it says; one that fails recognises nothing."""
        try:
            return bool(self.provider.recognises(source))
        except Exception:  # noqa: BLE001 - whatever a package of others does, ours go on
            return False

    def read(self, source: Source, options: Options) -> Firewall:
        """Return what it reads; one that fails has read nothing."""
        try:
            return self.provider.read(source, options)
        except Exception as error:  # noqa: BLE001 - as above
            message = f"the provider {self.name} failed: {type(error).__name__}: {error}"
            found = (*source.diagnostics, diagnostic(Severity.ERROR, message, at=Location(source.name)))
            return Firewall(source.name, self.name, source.digest, (), (), diagnostics=found)


def load(entry_points: Iterable[metadata.EntryPoint] | None = None) -> Registry:
    """Gather all providers; of two with one name the first is kept, and our own are first."""
    providers: dict[str, Provider] = {provider.name: provider for provider in BUILT_IN}
    found: list[Diagnostic] = []
    for entry_point in metadata.entry_points(group=GROUP) if entry_points is None else entry_points:
        try:
            provider = _provider(entry_point)
        except Exception as error:  # noqa: BLE001 - whatever a package of others does, ours go on
            found.append(_broken(entry_point, f"{type(error).__name__}: {error}"))
            continue
        if provider.name in providers:
            found.append(_broken(entry_point, f"there is a provider {provider.name} already"))
        else:
            providers[provider.name] = provider
    return Registry(providers, tuple(found))


def _provider(entry_point: metadata.EntryPoint) -> Provider:
    loaded = entry_point.load()
    provider: Provider = loaded() if callable(loaded) else loaded
    missing = [part for part in ("name", "title", "recognises", "read") if not hasattr(provider, part)]
    if missing:
        raise TypeError(f"it has no {', '.join(missing)}")
    if not isinstance(provider.name, str) or not provider.name:
        raise TypeError("its name is no text")
    return Guarded(provider, provider.name, str(provider.title))


def _broken(entry_point: metadata.EntryPoint, why: str) -> Diagnostic:
    message = f"the provider {entry_point.name} of {entry_point.value} cannot be used: {why}"
    return diagnostic(Severity.WARNING, message, at=Location(GROUP))

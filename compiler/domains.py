"""Domain names and the patterns over them (semantics.md 2.11)."""


def canonical(name: str) -> str:
    """Return a name or pattern as DNS compares it: lower case, without a final dot."""
    return name.lower().removesuffix(".")


def domain_matches(pattern: str, name: str) -> bool:
    """Say whether a canonical name meets a canonical pattern; ``*.`` stands for one or more whole labels."""
    if pattern.startswith("*."):
        suffix = pattern[1:]
        return name.endswith(suffix) and len(name) > len(suffix)
    return name == pattern

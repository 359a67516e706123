"""Which pods a pattern chooses: a namespace, a workload, a pod, or globs of these."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from anp.analysis.ends import UnknownEndError
from anp.analysis.parties import few, workload_of
from compiler.model import Pod


def chosen_by(pattern: str, pods: Iterable[Pod]) -> Callable[[Pod], bool]:
    """Return whether a pod is chosen by ``NAMESPACE``, ``NAMESPACE/*`` or ``NAMESPACE/NAME``; without one, all are.

    A name is that of a pod or of a workload.

    Raises:
        UnknownEndError: none of these pods is.

    """
    if not pattern:
        return lambda _pod: True
    known = list(pods)
    namespace, slash, name = pattern.partition("/")

    def chosen(pod: Pod) -> bool:
        if not fnmatchcase(pod.namespace, namespace):
            return False
        return not slash or fnmatchcase(pod.name, name) or fnmatchcase(workload_of(pod), name)

    if not any(map(chosen, known)):
        there = few(sorted({pod.namespace for pod in known}))
        raise UnknownEndError(f"no pod is chosen by {pattern!r}; namespaces with pods are {there or 'not there'}")
    return chosen

"""The right to make network namespaces, as root or in a user namespace of our own."""

import errno
import os
from pathlib import Path

from anp.lab.errors import PrivilegeError
from enforcer.syscalls import NEW_USER, unshare

_NEEDED = (
    12,  # CAP_NET_ADMIN: links, addresses, routes, nftables
    13,  # CAP_NET_RAW: SCTP where the kernel has none
    21,  # CAP_SYS_ADMIN: to make namespaces and to enter them
)
_ADVICE = (
    "run as root, or let users make user namespaces, which are ruled by the sysctls user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"
)


def ensure() -> None:
    """Make sure that this process may build a lab.

    A process that may do so already is left alone. Any other is moved, without being started anew, into a new user
    namespace, where it is root over what it makes and nowhere else. Call this before any thread is started:
    the kernel moves whole processes only while they have a single thread.

    Raises:
        PrivilegeError: the kernel forbids it; the message says what would help.

    """
    if sufficient():
        return
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(NEW_USER)
        # A group map may be written only by those who have given up changing their groups.
        _write("setgroups", "deny")
        _write("uid_map", f"0 {user} 1")
        _write("gid_map", f"0 {group} 1")
    except OSError as error:
        reason = "other threads are running already" if error.errno == errno.EINVAL else error.strerror
        raise PrivilegeError(
            f"no right to make network namespaces, nor a user namespace ({reason}): {_ADVICE}"
        ) from error
    if not sufficient():
        raise PrivilegeError(f"the new user namespace gave us no rights: {_ADVICE}")


def sufficient() -> bool:
    """Say whether this process has the capabilities that a lab needs."""
    status = Path("/proc/thread-self/status").read_text(encoding="utf-8")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return all(effective >> capability & 1 for capability in _NEEDED)


def _write(name: str, text: str) -> None:
    Path("/proc/thread-self", name).write_text(text, encoding="utf-8")

"""What boxes are called, in every kind of picture."""

from anp.analysis.graph.model import ClassBox, Detail, Picture, PolicyBox, ProgramBox, RuleBox, Standing
from anp.analysis.parties import few

_STANDING = {
    Standing.LIVE: "",
    Standing.DEAD: " (never decides: earlier rules take all that it matches)",
    Standing.IDLE: " (matches nothing at present)",
}
MARK = {Standing.LIVE: "", Standing.DEAD: " †", Standing.IDLE: " ∅"}


def policy_title(policy: PolicyBox) -> str:
    """Return a policy's name, with its priority where it has one."""
    return policy.label if policy.priority is None else f"{policy.label} ({policy.priority})"


def policy_about(policy: PolicyBox, picture: Picture) -> str:
    """Return all that there is to say of a policy without its rules."""
    count = f", {len(policy.rules)} rules" if picture.detail is Detail.POLICIES else ""
    return f"{policy.kind} {policy_title(policy)}{count}"


def rule_title(rule: RuleBox) -> str:
    """Return a rule's action and name."""
    return f"{rule.action.value} {rule.title}{MARK[rule.standing]}"


def rule_about(rule: RuleBox) -> str:
    """Return all that there is to say of a rule."""
    return f"{rule.title}: {rule.about}{_STANDING[rule.standing]}"


def program_title(program: ProgramBox) -> str:
    """Return a program's name: what it is for."""
    return f"{program.direction.value} of {few(program.workloads, 2)}"


def program_about(program: ProgramBox) -> str:
    """Return all that there is to say of a program."""
    pods = f"{program.pods} pod{'' if program.pods == 1 else 's'}"
    return f"program {program.digest}: {program.direction.value} of {pods}: {few(program.workloads, 10)}"


def class_title(one: ClassBox) -> str:
    """Return a class's name: what is true of its addresses."""
    return " & ".join(one.about)


def class_about(one: ClassBox) -> str:
    """Return all that there is to say of a class."""
    return f"class {one.digest}: {one.addresses} addresses of pods and nodes: {class_title(one)}"

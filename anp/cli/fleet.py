"""Commands of a cluster: the controller, the agents, and how they are doing. What each takes and answers with.

As `anp.cli.commands`, it imports what the work needs only when there is work.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.commands import NetnsOption, examples
from anp.cli.console import EXIT_NO
from anp.cli.options import DEFAULT_MASK_TEXT, MaskOption, Output, OutputOption

CONTROLLER_EXAMPLES = examples(
    "anp controller --kubeconfig ~/.kube/config --namespace anp-system",
    "anp controller --metrics-address :8080 --log-format json",
)


class LogFormat(enum.StrEnum):
    """How the log of a process that runs for long is written."""

    AUTO = "auto"
    LINES = "lines"
    JSON = "json"


KubeconfigOption = Annotated[
    str,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        envvar="ANP_KUBECONFIG",
        help="How to reach the API server; without it, as the service account of the pod that this is.",
    ),
]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar="ANP_LOG_FORMAT",
        help="The log, on standard error: lines for people, or JSON; auto is lines on a terminal.",
    ),
]
MetricsOption = Annotated[
    str,
    typer.Option(
        "--metrics-address",
        metavar="HOST:PORT",
        envvar="ANP_METRICS_ADDRESS",
        help="Where to answer /livez, /readyz and /metrics; :PORT is all addresses; nowhere by default.",
    ),
]


def controller_command(
    kubeconfig: KubeconfigOption = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            metavar="NAME",
            envvar="ANP_NAMESPACE",
            help="The namespace of the Lease; by default the pod's own, or anp-system.",
        ),
    ] = "",
    lease_name: Annotated[
        str, typer.Option("--lease-name", metavar="NAME", envvar="ANP_LEASE_NAME", help="The Lease.")
    ] = "anp-controller",
    lease_duration: Annotated[
        float,
        typer.Option(
            "--lease-duration",
            min=1,
            max=300,
            envvar="ANP_LEASE_DURATION",
            help="Seconds after which another replica takes over from one that is not heard of.",
        ),
    ] = 15.0,
    metrics_address: MetricsOption = "",
    log_format: LogFormatOption = LogFormat.AUTO,
) -> None:
    """Compile the policies of a cluster for its nodes.

    It watches policies, namespaces, pods and nodes, compiles them at every change, and publishes the result in the API,
    where agents read it; policies tell in their status what became of them. Of several replicas the one that holds the
    Lease writes, and the others are ready to take over. It ends by Ctrl-C or SIGTERM, with exit code 0, and what is
    published stays in force.
    """
    from anp.cli.controller import run_controller  # noqa: PLC0415 - slow

    run_controller(kubeconfig, (namespace, lease_name, lease_duration), metrics_address, log_format.value)


AGENT_EXAMPLES = examples(
    "anp agent --node worker-1",
    "anp agent --kubeconfig agent.kubeconfig --node worker-1 --metrics-address 127.0.0.1:9441",
    "anp agent --kubeconfig agent.kubeconfig --node worker-1 --netns /run/netns/worker-1 --state-dir state/",
)


def agent_command(
    node: Annotated[
        str,
        typer.Option(
            "--node",
            metavar="NAME",
            envvar="ANP_NODE",
            help="The node, as the cluster calls it; by default this host's name.",
        ),
    ] = "",
    kubeconfig: KubeconfigOption = "",
    state_dir: Annotated[
        Path,
        typer.Option(
            "--state-dir",
            metavar="DIR",
            envvar="ANP_STATE_DIR",
            help="Where the last good generation is kept, to begin with when there is no API server.",
        ),
    ] = Path("/var/lib/anp"),
    netns: NetnsOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    metrics_address: MetricsOption = "",
    log_format: LogFormatOption = LogFormat.AUTO,
) -> None:
    """Enforce on one node what the controller publishes.

    One agent runs on each node. It needs the right to change nftables, to read the generations that the controller
    publishes, and to write the status of its own NodeEnforcement; it sees no pods and no policies. A generation is
    brought into force when all of it is there, in one transaction. Without an API server, what is in force stays in
    force, and after a reboot the last good generation is read from the disk. It ends by Ctrl-C or SIGTERM, with exit
    code 0, and the rules stay: anp uninstall removes them.
    """
    from anp.cli.agent import run_agent  # noqa: PLC0415 - slow

    run_agent(node, kubeconfig, state_dir, netns, mark_mask, metrics_address, log_format.value)


STATUS_EXAMPLES = examples(
    "anp status",
    "anp status -o json | jq '.nodes[] | select(.well | not)'",
)


def status_command(kubeconfig: KubeconfigOption = "", output: OutputOption = Output.TEXT) -> None:
    """Say how the nodes and the policies of a cluster are doing.

    For each node: the generation in force, how many it is behind the published one, when its agent last had news, and
    what troubles it. Then policies that are refused, that fail closed somewhere, or that are not in force everywhere.
    What is known about a NetworkPolicy comes from Events, which API servers keep for an hour. It needs the right to
    read, and nothing else. Exit code 0 if every node has the newest generation and no policy is refused, 1 if not.
    """
    from anp.cli.status import print_status  # noqa: PLC0415 - slow

    if not print_status(kubeconfig, output):
        raise typer.Exit(EXIT_NO)


ADMISSION_EXAMPLES = examples(
    "anp admission --webhook anp-admission",
    "anp admission --certificate /tls/tls.crt --key /tls/tls.key --deny ANP101 --deny ANP203",
)


class WarnLevel(enum.StrEnum):
    """From which findings on there are warnings."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def admission_command(
    kubeconfig: KubeconfigOption = "",
    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="HOST:PORT",
            envvar="ANP_LISTEN",
            help="Where the API server asks; :PORT is all addresses.",
        ),
    ] = ":9443",
    webhook: Annotated[
        str,
        typer.Option(
            "--webhook",
            metavar="NAME",
            envvar="ANP_WEBHOOK",
            help="The ValidatingWebhookConfiguration that is to trust a certificate made here.",
        ),
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            envvar="ANP_CERTIFICATE",
            help="In place of --webhook: the certificate to show, as PEM; it is read again when it changes.",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", envvar="ANP_KEY", help="The private key of that certificate."),
    ] = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(
            "--client-ca",
            metavar="FILE",
            envvar="ANP_CLIENT_CA",
            help="Answer only who shows a certificate of this authority; by default, whoever connects.",
        ),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(
            "--deny",
            metavar="CODE",
            envvar="ANP_DENY",
            help="Deny what brings about findings whose codes begin so; repeatable; by default nothing is denied.",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            metavar="CODE",
            envvar="ANP_IGNORE",
            help="No warnings of codes that begin so; repeatable.",
        ),
    ] = None,
    severity: Annotated[
        WarnLevel,
        typer.Option("--severity", envvar="ANP_SEVERITY", help="Warn of findings of this severity and worse ones."),
    ] = WarnLevel.WARNING,
    budget: Annotated[
        float,
        typer.Option(
            "--budget",
            min=0.01,
            max=30,
            envvar="ANP_BUDGET",
            help="Seconds for one answer; what takes longer is allowed, with a warning that it was not checked.",
        ),
    ] = 2.0,
    metrics_address: MetricsOption = "",
    log_format: LogFormatOption = LogFormat.AUTO,
) -> None:
    """Lint policies when they are applied: a validating admission webhook.

    It follows the cluster as the controller does, with the right to read only. Of each policy that is created or
    changed it says, as warnings that kubectl prints, what anp lint would find with it and does not find without it, and
    what of it is not understood. Nothing is denied but what --deny names. It ends by Ctrl-C or SIGTERM, with exit
    code 0.
    """
    from anp.admission.process import Options  # noqa: PLC0415 - slow
    from anp.admission.wording import Telling  # noqa: PLC0415 - slow
    from anp.cli.admission import run_admission  # noqa: PLC0415 - slow
    from anp.sources.diagnostics import Severity  # noqa: PLC0415 - slow

    telling = Telling(Severity[severity.name], tuple(ignore or ()), tuple(deny or ()))
    options = Options(
        kubeconfig,
        ("", 0),
        certificate=certificate,
        key=key,
        configuration=webhook,
        client_authority=client_ca,
        telling=telling,
        budget=budget,
    )
    run_admission(options, listen, metrics_address, log_format.value)

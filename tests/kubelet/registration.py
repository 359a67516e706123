"""Nodes in the API server: made, ready, and alive."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp

from tests.kubelet import documents
from tests.kubelet.apiserver import MERGE, ApiServer
from tests.kubelet.errors import ApiError
from tests.kubelet.plan import NodePlan

_LOG = logging.getLogger(__name__)
_NODES = "/api/v1/nodes"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_NOT_READY = "node.kubernetes.io/not-ready"
_CONFLICT, _NOT_FOUND = 409, 404
_BEAT = documents.LEASE_SECONDS / 4


class Registration:
    """Keeps our nodes known, ready and alive; exec is served on `port`."""

    def __init__(self, api: ApiServer, plans: Sequence[NodePlan], port: int) -> None:
        self._api = api
        self._plans = plans
        self._port = port

    async def register(self) -> None:
        """Make each node, or take over the one of its name, and say that it is ready.

        Raises:
            ApiError: it was refused.
            aiohttp.ClientError, TimeoutError: there was no answer.

        """
        await asyncio.gather(*map(self._register, self._plans))

    async def keep_alive(self) -> None:
        """Renew the leases of all nodes for ever; an API server that is away is tried again at the next beat."""
        while True:
            results = await asyncio.gather(*map(self._renew, self._plans), return_exceptions=True)
            for result in results:
                if isinstance(result, ApiError | aiohttp.ClientError | TimeoutError):
                    _LOG.warning("a lease was not renewed: %s", result)
                elif isinstance(result, BaseException):
                    raise result
            await asyncio.sleep(_BEAT)

    async def _register(self, plan: NodePlan) -> None:
        try:
            await self._api.request("POST", _NODES, documents.node(plan))
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        path = f"{_NODES}/{plan.name}"
        status = documents.node_status(plan, self._port, datetime.now(UTC))
        node = await self._api.request("PATCH", f"{path}/status", {"status": status}, kind=MERGE)
        # Every new node has this taint until somebody sees that it is ready; that is us, if no controller does it.
        taints = node["spec"].get("taints") or []
        left = [taint for taint in taints if taint["key"] != _NOT_READY]
        if left != taints:
            await self._api.request("PATCH", path, {"spec": {"taints": left or None}}, kind=MERGE)

    async def _renew(self, plan: NodePlan) -> None:
        lease = documents.lease(plan.name, datetime.now(UTC))
        try:
            await self._api.request("PATCH", f"{_LEASES}/{plan.name}", {"spec": lease["spec"]}, kind=MERGE)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            await self._api.request("POST", _LEASES, lease)

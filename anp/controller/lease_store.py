"""The Lease of the election, in the API (coordination.k8s.io/v1)."""

from typing import Any

from anp.api.objects import Resource
from anp.controller.client import CONFLICT, NOT_FOUND, CallError, Client, path_of
from anp.controller.lease import ConflictError, LeaseRecord

LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases", namespaced=True)


class ApiLeaseStore:
    """Keeps a Lease as an object of the API."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name

    async def read(self) -> LeaseRecord | None:
        """Return the Lease, or None if there is none."""
        try:
            return _record(await self._client.call("GET", path_of(LEASES, self._name, self._namespace)))
        except CallError as error:
            if error.code == NOT_FOUND:
                return None
            raise

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store the record in place of the version it names, or as a new one; return it with its new version.

        Raises:
            ConflictError: the stored version is another one by now.
            CallError: it cannot be written.

        """
        document = self._document(record)
        try:
            if record.version:
                written = await self._client.call("PUT", path_of(LEASES, self._name, self._namespace), document)
            else:
                written = await self._client.call("POST", path_of(LEASES, "", self._namespace), document)
        except CallError as error:
            if error.code in {CONFLICT, NOT_FOUND}:
                raise ConflictError(str(error)) from None
            raise
        return _record(written)

    def _document(self, record: LeaseRecord) -> dict[str, Any]:
        spec = {
            "holderIdentity": record.holder or None,
            "leaseDurationSeconds": record.seconds or None,
            "acquireTime": record.acquired or None,
            "renewTime": record.renewed or None,
            "leaseTransitions": record.transitions,
        }
        metadata = {"name": self._name, "namespace": self._namespace}
        if record.version:
            metadata["resourceVersion"] = record.version
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": metadata,
            "spec": {key: value for key, value in spec.items() if value is not None},
        }


def _record(document: dict[str, Any]) -> LeaseRecord:
    spec = document.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or 0,
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        version=document["metadata"]["resourceVersion"],
    )

"""What every kind of object is: a resource with a name, and a place in the API."""

from dataclasses import dataclass
from typing import ClassVar

from anp.api.meta import ObjectMeta
from anp.api.structure import ApiModel


@dataclass(frozen=True, slots=True)
class Resource:
    """How the API names a kind."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        """Group and version as a manifest writes them."""
        return f"{self.group}/{self.version}" if self.group else self.version


class KubernetesObject(ApiModel):
    """The part that all objects have."""

    resource: ClassVar[Resource]

    api_version: str
    """Group and version of the schema that the object follows."""
    kind: str
    """The kind of object."""
    metadata: ObjectMeta
    """Standard metadata of the object."""

"""From AdminNetworkPolicy and BaselineAdminNetworkPolicy to ClusterNetworkPolicy, keeping the meaning exactly."""

from anp.firewall.migrate.migration import Migrated, Migration, migrate
from anp.firewall.migrate.reading import Original, Originals, parse, read
from anp.firewall.migrate.rules import MAX_ITEMS

__all__ = ["MAX_ITEMS", "Migrated", "Migration", "Original", "Originals", "migrate", "parse", "read"]

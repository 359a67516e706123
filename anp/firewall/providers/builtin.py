"""The providers that come with us, in the order in which they are listed."""

from anp.firewall.providers.asa import AsaProvider
from anp.firewall.providers.ios import IosProvider
from anp.firewall.providers.iptables import IPTABLES
from anp.firewall.providers.nftables import NFTABLES
from anp.firewall.providers.nsxt import NsxtProvider
from anp.firewall.providers.provider import Provider
from anp.firewall.providers.table import TABLE

BUILT_IN: tuple[Provider, ...] = (TABLE, IPTABLES, NFTABLES, AsaProvider(), IosProvider(), NsxtProvider())

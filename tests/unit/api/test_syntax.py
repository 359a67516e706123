"""How CIDRs, domain names and labels may be spelled, and what the spelling means (1.2, 1.6)."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.api import syntax


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("10.1.2.3/32", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("fd00::/8", "fd00::/8"),
        ("FD00::1/8", "fd00::/8"),
        ("::/0", "::/0"),
        ("64:ff9b::10.0.0.0/120", "64:ff9b::a00:0/120"),
    ],
)
def test_a_strict_cidr_means_its_network(text, network):
    assert syntax.strict_cidr(text) == ip_network(network)
    assert syntax.legacy_cidr(text)[0] == ip_network(network)


NEVER = [
    *("", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8"),
    *(
        "10.0.0/8",
        "10.0.0.256/32",
        "10.0.0.0/255.0.0.0",
        "fe80::%eth0/64",
        "::/129",
        "x/8",
        "10.0.0.0/8\n",
        "\N{FULLWIDTH DIGIT ONE}.0.0.0/8",
    ),
    *("10.0.0.0/\N{FULLWIDTH DIGIT EIGHT}"),
]
ONLY_LEGACY = {
    "010.0.0.0/8": ("10.0.0.0/8", "leading zeros"),
    "10.0.0.0/08": ("10.0.0.0/8", "leading zeros"),
    "0000010.0.0.08/32": ("10.0.0.8/32", "leading zeros"),
    "::ffff:10.0.0.0/104": ("10.0.0.0/8", "IPv4 written as IPv6"),
    "::ffff:010.0.0.1/104": ("10.0.0.0/8", "host bits"),
    "::ffff:0:0/96": ("0.0.0.0/0", "IPv4 written as IPv6"),
    "::ffff:10.0.0.0/95": ("::fffe:0:0/95", "host bits"),
}


@pytest.mark.parametrize("text", NEVER)
def test_what_is_no_cidr_is_refused_in_both_spellings(text):
    for read in (syntax.strict_cidr, syntax.legacy_cidr):
        with pytest.raises(ValueError, match=r"CIDR|prefix length|IP address"):
            read(text)


@pytest.mark.parametrize("text", ONLY_LEGACY)
def test_a_legacy_cidr_is_read_and_its_oddity_named(text):
    network, oddity = ONLY_LEGACY[text]

    assert syntax.legacy_cidr(text)[0] == ip_network(network)
    assert any(oddity in found for found in syntax.legacy_cidr(text)[1])
    with pytest.raises(ValueError, match=r"CIDR|IPv4|IP address"):
        syntax.strict_cidr(text)


@given(st.ip_addresses(), st.integers(0, 128))
def test_every_network_reads_back_as_itself(address, bits):
    network = ip_network((int(address), min(bits, address.max_prefixlen)), strict=False)
    if network.version != address.version:
        network = ip_network(f"{address}/{bits}", strict=False)

    network_read, oddities = syntax.legacy_cidr(str(network))

    if getattr(network.network_address, "ipv4_mapped", None) is None:
        assert (network_read, oddities) == (network, ())
        assert syntax.strict_cidr(str(network)) == network


@pytest.mark.parametrize(
    "name",
    [
        "kubernetes.io",
        "*.kubernetes.io",
        "a.b",
        "A.B.",
        "*.a.b.",
        "a-b_c.d",
        "1.2",
        "_x.y",
        "[.a",
        "xn--bcher-kva.example",
    ],
)
def test_domain_names_that_are_accepted(name):
    assert syntax.domain_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "kubernetes", "*.com", "*", "*.", "a..b", ".a.b", "a.*.b", "*a.b", "-a.b", "a-.b", "a.b\n", "a.b.."]
)
def test_domain_names_that_are_refused(name):
    with pytest.raises(ValueError, match="domain name"):
        syntax.domain_name(name)


def test_domain_names_compare_as_dns_does():
    assert syntax.canonical_domain("*.WWW.Example.COM.") == "*.www.example.com"


@pytest.mark.parametrize("key", ["a", "A_b.c-d", "example.com/a", "a" * 63, f"{'a.' * 126}a/{'b' * 63}"])
def test_label_keys_that_are_accepted(key):
    assert syntax.label_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "-a", "a-", "a b", "a/", "/a", "a/b/c", "A.com/a", "a" * 64, f"{'a.' * 127}a/b", "a\n"]
)
def test_label_keys_that_are_refused(key):
    with pytest.raises(ValueError, match="label key"):
        syntax.label_key(key)


@pytest.mark.parametrize("value", ["", "a", "A_b.c-d", "a" * 63])
def test_label_values_that_are_accepted(value):
    assert syntax.label_value(value) == value


@pytest.mark.parametrize("value", ["-", "a-", ".a", "a b", "a/b", "a" * 64, "a\n"])
def test_label_values_that_are_refused(value):
    with pytest.raises(ValueError, match="label value"):
        syntax.label_value(value)


@pytest.mark.parametrize("text", ["10.0.0.1", "fd00::1"])
def test_addresses_that_are_accepted(text):
    assert str(syntax.ip_address(text)) == text


@pytest.mark.parametrize("text", ["", "10.0.0.1/32", "10.0.0.01", "fe80::1%eth0", "node-1"])
def test_addresses_that_are_refused(text):
    with pytest.raises(ValueError, match="IP address"):
        syntax.ip_address(text)

"""What a process that runs for long tells of itself."""

import asyncio
import json
import logging

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from anp.observability.backoff import Backoff
from anp.observability.logs import set_up_logging
from anp.observability.server import AddressError, read_address, serving


@pytest.fixture
def logging_again():
    """Leave the logging of the tests as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)


def test_the_log_is_json_with_what_was_attached(capsys, logging_again):
    set_up_logging("json")

    logging.getLogger("anp.test").info("pub\nlished %d", 3, extra={"generation": 7})

    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["message"], said["level"], said["generation"]) == ("pub\nlished 3", "info", 7)


def test_what_libraries_attach_is_not_told(capsys, logging_again):
    set_up_logging("json")

    logging.getLogger("kopf.reactor").error("oh", extra={"settings": "token"})

    assert "token" not in capsys.readouterr().err


def test_a_line_stays_a_line(capsys, logging_again):
    set_up_logging("lines")

    logging.getLogger("anp.test").warning("evil\n\x1b[2Jname", extra={"pod": "a\nb"})

    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "address"),
    [("", None), (":80", ("", 80)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:8080", ("::1", 8080))],
)
def test_an_address_is_read(text, address):
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["80", "host", "host:", "host:http", ":65536", ":-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(AddressError, match="HOST:PORT"):
        read_address(text)


def test_health_and_metrics_are_answered():
    registry = CollectorRegistry()
    Counter("anp_things", "Things.", registry=registry).inc()
    troubles = {"ready": "not yet"}

    async def ask():
        async with (
            serving(("127.0.0.1", 0), registry, ready=lambda: troubles["ready"]) as port,
            aiohttp.ClientSession() as session,
        ):

            async def get(path):
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    return answer.status, await answer.text()

            assert await get("/livez") == (200, "ok\n")
            assert await get("/readyz") == (503, "not yet\n")
            troubles["ready"] = ""
            assert await get("/readyz") == (200, "ok\n")
            status, text = await get("/metrics")
            assert status == 200
            assert "anp_things_total 1.0" in text
            assert (await get("/else"))[0] == 404

    asyncio.run(ask())


@given(st.floats(0.01, 1), st.integers(1, 40))
def test_delays_grow_up_to_a_limit_and_begin_anew(first, rounds):
    backoff = Backoff(first, 10.0)

    delays = [backoff.next() for _round in range(rounds)]

    assert all(min(first * 2**n, 10.0) / 2 <= delay <= min(first * 2**n, 10.0) for n, delay in enumerate(delays))
    backoff.reset()
    assert backoff.next() <= first

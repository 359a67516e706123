import asyncio
import contextlib
import json
import socket
import ssl
import threading

import pytest
import yaml
from aiohttp import web

from tests.controlplane.authority import Authority
from tests.kubelet.apiserver import ApiServer, Changed, Listed
from tests.kubelet.errors import ApiError

PATH = "/api/v1/pods"


def item(version: int) -> dict:
    return {"metadata": {"name": "p", "resourceVersion": str(version)}}


def event(kind: str, version: int) -> dict:
    return {"type": kind, "object": item(version)}


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}


class Script:
    """An API server that gives these answers, one after the other, and then no more.

    An answer is an HTTP status, the version of a list with one object, or the events of a watch.
    """

    def __init__(self, *answers: int | list[dict]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.done = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not self.answers:
            self.done.set()
            return web.json_response({"message": "over"}, status=503)
        assert request.query["fieldSelector"] == "spec.nodeName!="
        self.asked.append(request.query.get("resourceVersion", "list"))
        answer = self.answers.pop(0)
        match answer:
            case int() if answer >= 400:
                return web.json_response({"kind": "Status", "message": "no"}, status=answer)
            case int():
                assert "watch" not in request.query
                return web.json_response({"metadata": {"resourceVersion": str(answer)}, "items": [item(1)]})
        assert request.query["watch"] == "true"
        response = web.StreamResponse()
        await response.prepare(request)
        for each in answer:
            # In two pieces, as they may come.
            text = json.dumps(each).encode() + b"\n"
            await response.write(text[:7])
            await response.write(text[7:])
        return response


def play(tmp_path, *answers):
    """Follow a scripted API server to the end of the script; return what was heard and what was asked."""

    async def body():
        script = Script(*answers)
        app = web.Application()
        app.router.add_get(PATH, script.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        api = ApiServer(kubeconfig(tmp_path, runner.addresses[0][1]))
        await api.open()
        heard = []

        async def follow():
            async for each in api.follow(PATH, fieldSelector="spec.nodeName!="):
                heard.append(each)  # noqa: PERF401  it never ends

        task = asyncio.create_task(follow())
        await asyncio.wait_for(script.done.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.close()
        await runner.cleanup()
        return heard, script.asked

    return asyncio.run(body())


def kubeconfig(folder, port, authority=None):
    path = folder / "kubeconfig"
    cluster = {"server": f"http://127.0.0.1:{port}"}
    if authority is not None:
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority.certificate)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


LISTED = Listed((item(1),))


def test_a_watch_goes_on_where_the_last_one_ended(tmp_path):
    heard, asked = play(
        tmp_path, 5, [event("ADDED", 6), event("BOOKMARK", 9)], [], [event("MODIFIED", 10), event("DELETED", 11)]
    )

    assert asked == ["list", "5", "9", "9"]
    assert heard == [
        LISTED,
        Changed(item(6), gone=False),
        Changed(item(10), gone=False),
        Changed(item(11), gone=True),
    ]


@pytest.mark.parametrize("gone", [410, [GONE], [event("MODIFIED", 6), GONE]], ids=["refused", "told", "told late"])
def test_what_was_missed_is_listed_again(tmp_path, gone):
    heard, asked = play(tmp_path, 5, gone, 20, [event("DELETED", 21)])

    assert asked == ["list", "5", "list", "20"]
    assert [each for each in heard if isinstance(each, Listed)] == [LISTED, LISTED]
    assert heard[-1] == Changed(item(21), gone=True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_is_waited_out_without_losing_the_place(tmp_path, status):
    heard, asked = play(tmp_path, status, 5, status, [event("MODIFIED", 6)], status, [])

    assert asked == ["list", "list", "5", "5", "6", "6"]
    assert heard == [LISTED, Changed(item(6), gone=False)]


def test_rights_are_shown_and_a_refusal_says_why(tmp_path):
    async def body():
        shown = []

        async def refuse(request):
            shown.append(request.headers["Authorization"])
            return web.json_response({"message": "you may not"}, status=403)

        app = web.Application()
        app.router.add_get(PATH, refuse)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api = ApiServer(kubeconfig(tmp_path, runner.addresses[0][1]))
        await api.open()
        try:
            with pytest.raises(ApiError, match="you may not") as refused:
                await api.request("GET", PATH)
        finally:
            await api.close()
            await runner.cleanup()
        return shown, refused.value.status

    assert asyncio.run(body()) == (["Bearer secret"], 403)


@contextlib.contextmanager
def hanging(identity):
    """An API server that begins to answer with TLS, and hangs from then on: it does not even say goodbye."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    over = threading.Event()

    def serve():
        connection, _peer = listening.accept()
        with connection, context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


def test_when_it_is_closed_its_sockets_are_although_the_server_hangs(tmp_path):
    authority = Authority(tmp_path / "pki")

    async def body(port):
        api = ApiServer(kubeconfig(tmp_path, port, authority))
        await api.open()
        answer = await api._session.get(api._url(PATH))
        sockets = list(api._sockets)
        # As a watch does that is cancelled.
        answer.close()
        await asyncio.wait_for(api.close(), 30)
        assert [each.fileno() for each in sockets] == [-1]

    with hanging(authority.serving("server", "127.0.0.1")) as port:
        asyncio.run(body(port))

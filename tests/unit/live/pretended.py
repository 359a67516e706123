"""An API server that is pretended: it has what it is told to have."""

import http.server
import json
import threading
from contextlib import contextmanager

GROUP = "/apis/policy.networking.k8s.io"
LISTS = {
    "/api/v1/namespaces": "NamespaceList",
    "/api/v1/nodes": "NodeList",
    "/api/v1/pods": "PodList",
    "/apis/networking.k8s.io/v1/networkpolicies": "NetworkPolicyList",
}


class Server:
    """Answers by path: a document, a pair of a code and a document, a list of these for one call after the other."""

    def __init__(self):
        self.answers = {path: {"kind": kind, "metadata": {}, "items": []} for path, kind in LISTS.items()}
        self.calls = []

    def answer(self, method, path):
        self.calls.append((method, path))
        bare = path.partition("?")[0]
        found = self.answers.get(path, self.answers.get(bare, (404, {"message": "not found"})))
        if isinstance(found, list):
            found = found.pop(0)
        return found if isinstance(found, tuple) else (200, found)


@contextmanager
def serving(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            code, document = server.answer(self.command, self.path)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


TOKEN = "a-token-that-nobody-is-to-see"


def kubeconfig(folder, url):
    path = folder / "config"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "k", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "k",
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)

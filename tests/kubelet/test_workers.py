import asyncio
import threading

from tests.kubelet.apiserver import Changed, Listed
from tests.kubelet.errors import ApiError
from tests.kubelet.plan import node_plans
from tests.kubelet.workers import Workers


def pod(uid: str, name="p", node="node", **metadata) -> dict:
    metadata = {"uid": uid, "namespace": "default", "name": name, **metadata}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": "Pending"}}


class Slow:
    """Pods that note what is done with them, and take their time to stop until `may_stop` is set."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.up: set[str] = set()
        self.stopping = threading.Event()
        self.may_stop = threading.Event()

    def __contains__(self, uid: object) -> bool:
        return uid in self.up

    def expect(self, pod) -> None:
        self.log.append(f"expect {pod['metadata']['uid']}")

    def start(self, pod, changed) -> None:
        self.log.append(f"start {pod['metadata']['uid']}")
        self.up.add(pod["metadata"]["uid"])

    def status(self, pod) -> dict:
        return {"phase": "Running"}

    def stop(self, uid: str) -> None:
        self.stopping.set()
        assert self.may_stop.wait(60)
        self.log.append(f"stop {uid}")
        self.up.discard(uid)


class Api:
    """An API server that notes what it is asked for, in the log of the pods, and fails as often as it is told."""

    def __init__(self, log: list[str], failures: int = 0) -> None:
        self.log = log
        self.failures = failures

    async def request(self, method, path, body, *, kind):
        if self.failures:
            self.failures -= 1
            raise ApiError(500, "not now")
        uid = body["preconditions"]["uid"] if method == "DELETE" else body["metadata"]["uid"]
        self.log.append(f"{method} {uid}")


def play(body, failures=0):
    """Run `body` with workers, their pods and a function that waits for an entry in the log."""

    async def run():
        pods = Slow()
        workers = Workers(Api(pods.log, failures), pods, node_plans(["node"]))

        async def until(entry: str) -> None:
            while entry not in pods.log:  # noqa: ASYNC110  threads write it
                await asyncio.sleep(0.001)

        await asyncio.wait_for(body(workers, pods, until), 60)
        await workers.close()
        return pods.log

    return asyncio.run(run())


def test_the_next_of_a_name_waits_until_the_last_one_has_gone():
    async def body(workers, pods, until):
        workers._see(Changed(pod("1"), gone=False))
        await until("PATCH 1")
        workers._see(Changed(pod("1"), gone=True))
        workers._see(Changed(pod("2"), gone=False))
        await asyncio.to_thread(pods.stopping.wait)
        # Whoever did not wait would have got through by now.
        for _ in range(50):
            await asyncio.to_thread(pods.stopping.wait)
        pods.may_stop.set()
        await until("PATCH 2")

    assert play(body) == ["start 1", "PATCH 1", "stop 1", "start 2", "PATCH 2"]


def test_what_is_not_listed_any_more_is_stopped_and_what_stays_is_left_alone():
    async def body(workers, pods, until):
        pods.may_stop.set()
        workers._see(Listed((pod("1"), pod("2", "q"), pod("3", "r", node="other"))))
        await until("PATCH 1")
        await until("PATCH 2")
        workers._see(Listed((pod("2", "q"),)))
        await until("stop 1")

    log = play(body)
    assert sorted(log) == sorted(
        ["expect 1", "expect 2", "start 1", "PATCH 1", "start 2", "PATCH 2", "expect 2", "stop 1"]
    )
    assert log[:2] == ["expect 1", "expect 2"]


def test_a_deletion_is_finished_once_the_pod_has_stopped_however_often_that_takes():
    async def body(workers, pods, until):
        workers._see(Changed(pod("1"), gone=False))
        await until("PATCH 1")
        workers._see(Changed(pod("1", deletionTimestamp="now"), gone=False))
        await asyncio.to_thread(pods.stopping.wait)
        workers._api.failures = 2
        pods.may_stop.set()
        await until("DELETE 1")

    log = play(body, failures=3)
    assert log.index("stop 1") < log.index("DELETE 1")
    assert log[:2] == ["start 1", "PATCH 1"]


def test_closing_waits_for_what_is_under_way():
    async def body(workers, pods, until):
        workers._see(Changed(pod("1"), gone=False))
        await until("PATCH 1")
        workers._see(Changed(pod("1"), gone=True))
        await asyncio.to_thread(pods.stopping.wait)
        closing = asyncio.create_task(workers.close())
        await asyncio.sleep(0)
        assert not closing.done()
        pods.may_stop.set()
        await closing
        assert pods.log[-1] == "stop 1"

    play(body)


def test_what_has_ended_is_not_started_again():
    async def body(workers, pods, until):
        pods.may_stop.set()
        ended = pod("1")
        ended["status"]["phase"] = "Succeeded"
        workers._see(Changed(ended, gone=False))
        workers._see(Changed(pod("2", "q"), gone=False))
        await until("PATCH 2")

    assert play(body) == ["start 2", "PATCH 2"]

"""What `anp explain` answers about many, against the meaning: every packet is in exactly one answer, and right."""

from hypothesis import event, given, note

from anp.analysis.ends import End
from anp.analysis.patterns import answers
from compiler import intervals
from compiler.model import Flow
from compiler.semantics import decide
from tests.property.holding import holds
from tests.strategies import OUTSIDE, packets, snapshots


@given(snapshots())
def test_every_packet_between_the_ends_is_in_one_answer_which_decides_it(snapshot):
    ends = [End(str(pod), pod.addresses, pod) for pod in snapshot.pods if pod.governed]
    outsiders = [End(str(address), (address,)) for address in OUTSIDE[::3]]
    found = answers(snapshot, ends, [*ends, *outsiders])
    event(f"answers: {min(len(found), 5)}")
    for source in ends:
        for destination in (*ends, *outsiders):
            for sender in source.addresses:
                for receiver in destination.addresses:
                    if source.pod == destination.pod or sender.version != receiver.version:
                        continue
                    for protocol, port in packets(snapshot)[:6]:
                        flow = Flow(sender, receiver, protocol, port)
                        decision = decide(snapshot, flow)
                        verdicts = {
                            answer.verdict
                            for answer in found
                            if answer.family(sender.version)
                            and intervals.contains(answer.packets.ports(protocol), port)
                            and any(holds(party, sender, snapshot) for party in answer.sources)
                            and any(holds(party, receiver, snapshot) for party in answer.destinations)
                        }
                        note(f"{flow}: {verdicts}")
                        (verdict,) = verdicts
                        assert verdict.accept == decision.accepted
                        assert verdict.egress.origin == decision.egress.origin
                        assert verdict.ingress.origin == decision.ingress.origin
    for answer in found:
        assert decide(snapshot, answer.witness).accepted == answer.verdict.accept

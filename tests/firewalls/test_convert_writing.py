"""Files of a translation: whole, ours alone, the same for the same input, and little changed by a little change."""

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anp.firewall.convert.model import Settings, Translation
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import MARKER, WriteError, render, write
from anp.firewall.model import EVERY_ADDRESS, RuleList
from anp.firewall.services import ICMP, Services
from anp.sources.manifests import load, parse
from compiler.addresses import AddressSet
from tests.firewalls.worlds import World, deny, entity, firewall_of, inventory_of, permit, tcp, worlds

WEB, APP = entity(0, name="web"), entity(1, name="app")
PING = permit(EVERY_ADDRESS, WEB.addresses, Services.every_port(ICMP))


def translated(*rules, texts: dict[int, str] | None = None, entities=(WEB, APP)) -> Translation:
    firewall = firewall_of(RuleList("DC", (*rules, deny()), frozenset({4})), texts=texts)
    return translate(firewall, inventory_of(*entities), Settings())


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_each_entity_has_a_file_and_the_rest_is_by_hand(tmp_path: Path) -> None:
    found = translated(permit(APP.addresses, WEB.addresses, tcp(80)), PING)
    written = write(found, tmp_path / "out")
    assert written.written == ("_manual/statements.yaml", "app.yaml", "web.yaml")
    assert contents(tmp_path / "out") == render(found)
    loaded = load(str(tmp_path / "out"))
    assert loaded.diagnostics == ()
    assert len(loaded.objects) == len(found.objects)
    by_hand = (tmp_path / "out" / "_manual" / "statements.yaml").read_text()
    assert all(line.startswith("#") for line in by_hand.splitlines())
    assert "# line 2 of DC: not expressible" in by_hand
    assert "FW101" in by_hand


def test_a_second_time_nothing_is_touched(tmp_path: Path) -> None:
    found = translated(PING)
    first = write(found, tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.yaml")}
    second = write(found, tmp_path)
    assert (second.written, second.unchanged, second.removed) == ((), first.written, ())
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.yaml")} == before


def test_what_is_no_longer_needed_goes_and_what_others_wrote_stays(tmp_path: Path) -> None:
    write(translated(PING), tmp_path)
    (tmp_path / "theirs.yaml").write_text("kind: Theirs\n")
    gone = write(translated(entities=(WEB,)), tmp_path)
    assert gone.removed == ("_manual/statements.yaml", "app.yaml")
    assert sorted(contents(tmp_path)) == ["theirs.yaml", "web.yaml"]
    assert not (tmp_path / "_manual").exists()


def test_nothing_is_written_over_a_file_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("kind: Theirs\n")
    with pytest.raises(WriteError, match=r"web\.yaml"):
        write(translated(), tmp_path)
    assert contents(tmp_path) == {"web.yaml": "kind: Theirs\n"}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.yaml"
    target.write_text(f"{MARKER}\n")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "web.yaml").symlink_to(target)
    with pytest.raises(WriteError, match="no plain file"):
        write(translated(), folder)
    assert target.read_text() == f"{MARKER}\n"


def test_a_folder_for_what_is_by_hand_is_not_left_through_a_link(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "_manual").symlink_to(elsewhere)
    with pytest.raises(WriteError, match="is a link"):
        write(translated(PING), folder)
    assert not list(elsewhere.iterdir())


def test_where_a_disk_is_full_no_file_is_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(translated(), tmp_path)
    before = contents(tmp_path)
    calls = []

    def full(_descriptor: int) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("anp.firewall.convert.writing.os.fsync", full)
    with pytest.raises(WriteError, match="No space"):
        write(translated(permit(APP.addresses, WEB.addresses)), tmp_path)
    assert contents(tmp_path) == before


def test_a_translation_without_objects_is_not_written(tmp_path: Path) -> None:
    broken = translated(permit(AddressSet.of("10.20.0.1"), APP.addresses))
    with pytest.raises(WriteError, match="no objects"):
        write(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


HOSTILE = st.text() | st.sampled_from(
    [
        "x\n- action: Accept",
        "x\r\nspec: {}",
        "x\u2028kind: Secret",
        "x\x85---\x0ckind: Secret",
        "\ud800 half",
        "*/ # {{ }} ${HOME} $(id)",
    ]
)


@given(text=HOSTILE, name=HOSTILE)
def test_whatever_a_source_says_stays_in_a_comment(text: str, name: str) -> None:
    rules = (permit(APP.addresses, WEB.addresses, tcp(80)), PING)
    firewall = firewall_of(RuleList(name, (*rules, deny()), frozenset({4})), texts={0: text, 1: text})
    found = translate(firewall, inventory_of(WEB, APP), Settings())
    for file, written in render(found).items():
        written.encode()
        said = [document for document in yaml.safe_load_all(written) if document is not None]
        meant = [dict(one.document) for one in found.objects if f"{_entity(one)}.yaml" == file]
        assert said == meant
        assert parse(written, file).diagnostics == ()


def _entity(one) -> str:
    return one.document["metadata"]["labels"]["translate.anp.internal/entity"]


@given(world=worlds())
def test_the_same_input_gives_the_same_text(world: World) -> None:
    one, two = (render(translate(world.firewall, world.inventory, Settings())) for _time in range(2))
    assert one == two
    assert all(text.startswith(MARKER) for text in one.values())


def test_an_edit_of_one_rule_changes_few_lines() -> None:
    entities = tuple(entity(number) for number in range(12))
    pairs = [(entities[n % 12], entities[(n * 5 + n // 12 + 1) % 12]) for n in range(200)]
    rules = [permit(a.addresses, b.addresses, tcp(1000 + n)) for n, (a, b) in enumerate(pairs)]
    before = render(translated(*rules, entities=entities))
    rules[77] = permit(pairs[77][0].addresses, pairs[77][1].addresses, tcp(9999))
    after = render(translated(*rules, entities=entities))
    changed = [file for file in before if before[file] != after[file]]
    assert set(changed) <= {f"{one.name}.yaml" for one in pairs[77]}
    for file in changed:
        lines = [
            line
            for line in difflib.unified_diff(before[file].splitlines(), after[file].splitlines(), n=0, lineterm="")
            if line[:1] in "+-" and line[:3] not in {"+++", "---"}
        ]
        assert len(lines) <= 12, lines

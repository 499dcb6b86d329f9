"""Our tree, our proofs and the outsider's verifier against the definitions of RFC 6962, written plainly in `logs`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.evidence.tiles import leaves_of, node_reader, tile_path
from cityward.evidence.tree import CompactRange, consistency_proof, inclusion_proof
from cityward.evidence.verifier import verify
from logs import audit_path, log_of, proof_between, tree_head


def entries(count: int) -> list[bytes]:
    return [b'{"at":%d}' % i for i in range(count)]


def nodes_of(files: dict[str, bytes]):
    return node_reader(lambda level, n: files.get(tile_path(level, n), b""))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 255, 256, 257, 511, 513, 700])
def test_the_tree_and_the_verifier_find_the_root_of_the_definition(count: int):
    all_entries = entries(count)
    edge = CompactRange()
    for leaf in leaves_of(all_entries):
        edge.append(leaf)
    files = log_of(all_entries)
    assert edge.root() == tree_head(all_entries)
    assert verify(files.get, files["log.vkey"].decode()).root == tree_head(all_entries).hex()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 600), st.data())
def test_proofs_out_of_tiles_are_those_of_the_definition(count: int, data: st.DataObject):
    all_entries = entries(count)
    nodes = nodes_of(log_of(all_entries))
    index, old = data.draw(st.integers(0, count - 1)), data.draw(st.integers(1, count))
    assert inclusion_proof(index, count, nodes) == audit_path(index, all_entries)
    assert consistency_proof(old, count, nodes) == proof_between(old, all_entries)

"""The Merkle tree against RFC 6962: its published vectors, its recursive definition, and every small tree's proofs."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import EvidenceError
from cityward.evidence.tree import (
    EMPTY_ROOT,
    CompactRange,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_at,
)

# The leaves and roots that the Certificate Transparency implementations test with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_by_definition(leaves[:split]), root_by_definition(leaves[split:]))


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % i) for i in range(count)]


def nodes_of(all_leaves: list[bytes]):
    return lambda height, position: root_by_definition(all_leaves[position << height : (position + 1) << height])


def grown(all_leaves: list[bytes]) -> CompactRange:
    edge = CompactRange()
    for leaf in all_leaves:
        edge.append(leaf)
    return edge


def test_gives_the_published_roots():
    edge = CompactRange()
    assert edge.root() == EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        edge.append(leaf_hash(bytes.fromhex(leaf)))
        assert edge.root().hex() == root


@given(st.integers(0, 300))
def test_gives_the_root_of_the_definition_with_one_hash_per_set_bit(count: int):
    all_leaves = leaves(count)
    edge = grown(all_leaves)
    assert edge.root() == root_by_definition(all_leaves)
    assert len(edge.hashes) == count.bit_count()


@given(st.integers(0, 200), st.integers(0, 100))
def test_grows_the_same_from_kept_nodes_as_from_the_beginning(count: int, more: int):
    all_leaves = leaves(count + more)
    edge = range_at(count, nodes_of(all_leaves))
    for leaf in all_leaves[count:]:
        edge.append(leaf)
    assert edge.root() == root_by_definition(all_leaves)


def test_names_the_nodes_an_append_completes():
    edge = grown(leaves(7))
    made = edge.append(leaves(8)[7])
    assert [(height, position) for height, position, _ in made] == [(0, 7), (1, 3), (2, 1), (3, 0)]
    assert made[-1][2] == edge.root()


def test_refuses_a_range_with_the_wrong_number_of_hashes():
    with pytest.raises(EvidenceError, match="2 subtrees, not 1"):
        CompactRange(5, [b"x" * 32])


@pytest.mark.parametrize("size", range(1, 34))
def test_proves_every_entry_of_every_small_tree(size: int):
    all_leaves = leaves(size)
    root, nodes = root_by_definition(all_leaves), nodes_of(all_leaves)
    for index, leaf in enumerate(all_leaves):
        check_inclusion(leaf, index, size, inclusion_proof(index, size, nodes), root)


@pytest.mark.parametrize("size", range(34))
def test_proves_every_earlier_state_of_every_small_tree(size: int):
    all_leaves = leaves(size)
    root, nodes = root_by_definition(all_leaves), nodes_of(all_leaves)
    for old in range(size + 1):
        proof = consistency_proof(old, size, nodes)
        check_consistency(old, root_by_definition(all_leaves[:old]), size, root, proof)


@given(st.data())
def test_notices_a_wrong_inclusion_proof(data: st.DataObject):
    size = data.draw(st.integers(2, 70))
    index = data.draw(st.integers(0, size - 1))
    all_leaves = leaves(size)
    root, proof = root_by_definition(all_leaves), inclusion_proof(index, size, nodes_of(all_leaves))
    step = data.draw(st.integers(0, len(proof) - 1))
    wrong = [
        (all_leaves[index], index, [*proof[:step], b"\0" * 32, *proof[step + 1 :]]),
        (all_leaves[index], index, proof[:-1]),
        (all_leaves[index], index, [*proof, b"\0" * 32]),
        (all_leaves[index], size, proof),
        (leaf_hash(b"another"), index, proof),
    ]
    for leaf, place, path in wrong:
        with pytest.raises(EvidenceError):
            check_inclusion(leaf, place, size, path, root)


@given(st.data())
def test_notices_a_log_that_did_not_grow_by_appending(data: st.DataObject):
    size = data.draw(st.integers(2, 70))
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    before = leaves(size)
    after = [*before[:changed], leaf_hash(b"changed"), *before[changed + 1 :]]
    proof = consistency_proof(old, size, nodes_of(after))
    with pytest.raises(EvidenceError):
        check_consistency(old, root_by_definition(before[:old]), size, root_by_definition(after), proof)
    with pytest.raises(EvidenceError, match="shrank"):
        check_consistency(size + 1, root_by_definition(before), size, root_by_definition(before), [])

"""The layout: paths as the specification writes them, bundles that parse to what was packed, tiles that hold the tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import EvidenceError
from cityward.evidence.tiles import (
    ENTRY_MOST,
    WIDTH,
    asked,
    entries_path,
    entry_runs,
    hash_writes,
    is_tile_path,
    leaves_of,
    node_reader,
    pack,
    tile_path,
    unpack,
)
from cityward.evidence.tree import CompactRange, check_consistency, check_inclusion, consistency_proof, inclusion_proof


def test_writes_paths_as_the_specification_does():
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert entries_path(0) == "tile/entries/000"
    assert entries_path(1000, 17) == "tile/entries/x001/000.p/17"
    assert all(map(is_tile_path, [tile_path(63, 10**9), entries_path(5, 255), tile_path(0, 999)]))


@pytest.mark.parametrize(
    "path", ["tile/0/../../etc", "tile/64/000", "tile/0/1", "tile/0/000.p/0", "/tile/0/000", "tile/0/000\n", "key", ""]
)
def test_knows_a_path_that_is_none_of_its_own(path: str):
    assert not is_tile_path(path)


@given(st.lists(st.binary(min_size=1, max_size=70), max_size=40), st.binary(max_size=1))
def test_unpacks_what_was_packed_and_leaves_the_torn_rest(entries: list[bytes], rest: bytes):
    assert unpack(pack(entries) + rest) == (entries, rest)


@given(st.binary(max_size=300))
def test_unpacks_any_bytes_without_losing_one(data: bytes):
    entries, rest = unpack(data)
    assert pack(entries) + rest == data


@pytest.mark.parametrize("entry", [b"", b"x" * (ENTRY_MOST + 1)], ids=["empty", "too long"])
def test_refuses_an_entry_that_does_not_fit(entry: bytes):
    with pytest.raises(EvidenceError):
        pack([entry])


def test_cuts_entries_into_their_bundles():
    runs = entry_runs(250, [b"e"] * 300)
    assert [(bundle, len(run)) for bundle, run in runs] == [(0, 6), (1, 256), (2, 38)]


def tiles_of(entries: list[bytes], chunks: int) -> tuple[dict[str, bytes], CompactRange]:
    files: dict[str, bytearray] = {}
    edge = CompactRange()
    leaves = leaves_of(entries)
    for at in range(0, len(leaves), chunks):
        for write in hash_writes(edge, leaves[at : at + chunks]):
            held = files.setdefault(write.path, bytearray())
            assert len(held) == write.offset, "a tile is only appended to"
            held += write.data
            assert write.fills == (len(held) == WIDTH * 32)
    return {path: bytes(data) for path, data in files.items()}, edge


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 700), st.data())
def test_proves_out_of_tiles_however_the_appends_were_cut(count: int, chunks: int, data: st.DataObject):
    entries = [b"entry %d" % i for i in range(count)]
    files, edge = tiles_of(entries, chunks)
    nodes = node_reader(lambda level, n: files.get(tile_path(level, n), b""))
    index, old = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count))
    check_inclusion(leaves_of(entries)[index], index, count, inclusion_proof(index, count, nodes), edge.root())
    old_edge = tiles_of(entries[:old], chunks)[1]
    check_consistency(old, old_edge.root(), count, edge.root(), consistency_proof(old, count, nodes))


def test_holds_the_roots_of_full_tiles_one_level_up_even_three_levels_high():
    files, edge = tiles_of([b"%d" % i for i in range(WIDTH * WIDTH + 1)], 5000)
    assert len(files["tile/1/000"]) == WIDTH * 32
    assert len(files["tile/2/000"]) == 32
    assert edge.hashes[0] == files["tile/2/000"]


def test_says_which_tile_lacks_a_hash():
    with pytest.raises(EvidenceError, match="tile/0/001"):
        node_reader(lambda level, n: b"")(3, 40)


def test_answers_a_partial_tile_with_the_beginning_of_the_growing_one():
    entries = [b"a", b"bb", b"ccc"]
    files = {"tile/entries/000": pack(entries), "tile/0/000": b"".join(leaves_of(entries))}
    assert asked("tile/entries/000.p/2", files.get) == pack(entries[:2])
    assert asked("tile/0/000.p/2", files.get) == files["tile/0/000"][:64]
    assert asked("tile/0/000.p/4", files.get) is None
    assert asked("tile/entries/001.p/1", files.get) is None
    assert asked("tile/entries/000.p/300", files.get) is None

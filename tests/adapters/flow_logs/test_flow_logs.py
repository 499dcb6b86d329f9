"""Flow logs of others: what each kind of line says, that no line is lost silently, and that no bytes break the reader."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.adapters.flow_logs.reading import FAULTS_KEPT, FIRST_LINES, LINE_MOST, FlowLog, read_flow_log
from cityward.errors import CitywardError, DecodeError, LinkError
from cityward.reach.reconcile.seen import Seen
from cityward.time import DAY, SECOND, to_us

NOON = to_us(datetime(2026, 3, 2, 12, tzinfo=UTC))
ZEEK_FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes", "resp_bytes",
    "conn_state",
)  # fmt: skip
HEADER = "start,src,src_port,dst,dst_port,proto,bytes_sent,bytes_received,action\n"


def read(folder: Path, text: str | bytes, name: str = "fw.csv", **more: object) -> FlowLog:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    log = read_flow_log(path, **more)  # type: ignore[arg-type]
    assert log.lines == log.kept + log.bad + log.beyond + log.strangers_beyond
    return log


def only(log: FlowLog) -> Seen:
    [seen] = log.seen
    return seen


def zeek(*rows: str, header: tuple[str, ...] = ZEEK_FIELDS) -> str:
    fields = "\t".join(header)
    top = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2026-03-02-12-00-00\n"
    return (
        f"{top}#fields\t{fields}\n#types\tignored\n"
        + "".join(f"{row}\n" for row in rows)
        + "#close\t2026-03-02-13-00-00\n"
    )


def conn(**more: object) -> str:
    row = {
        "ts": f"{NOON / SECOND:.6f}", "uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 50000, "id.resp_h": "2001:db8::1",
        "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": "2.5", "orig_bytes": 100, "resp_bytes": 7,
        "conn_state": "SF",
    } | more  # fmt: skip
    return "\t".join(str(row[name]) for name in ZEEK_FIELDS)


# --- CSV


@pytest.mark.parametrize(
    "header",
    [
        "start,src,dst,dst_port,proto,bytes",
        "Timestamp,Source IP,Destination IP,Destination Port,Protocol,Bytes",
        "ts,src_ip,dest_ip,dport,transport,bytes_sent",
        "First_Seen,SrcAddr,DstAddr,DstPort,Proto,Octets",
        "Start Time,Source Address,Destination Address,Dest Port,IP Protocol,Sent Bytes",
        "\ufeffstart,from,to,port,proto,bytes",
        '"start","src","dst","dst_port","proto","bytes"',
    ],
)
def test_takes_the_columns_by_the_names_that_are_in_use(tmp_path: Path, header: str):
    seen = only(read(tmp_path, f"{header}\n2026-03-02T12:00:00Z,192.0.2.7,203.0.113.9,443,TCP,120\n"))
    assert (seen.source, seen.destination, seen.port, seen.transport, seen.bytes) == (
        "192.0.2.7", "203.0.113.9", 443, "tcp", 120,
    )  # fmt: skip
    assert (seen.first_us, seen.last_us, seen.count, seen.where_from) == (NOON, NOON, 1, "fw.csv:2")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_finds_the_delimiter(tmp_path: Path, delimiter: str):
    text = "src,dst,dst_port\n192.0.2.7,203.0.113.9,443\n".replace(",", delimiter)
    assert only(read(tmp_path, text)).port == 443


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-03-02T12:00:00Z", NOON),
        ("2026-03-02T13:00:00+01:00", NOON),
        ("2026-03-02 12:00:00", NOON),
        ("2026/03/02 12:00:00", NOON),
        ("1772452800", NOON),
        ("1772452800.5", NOON + SECOND // 2),
        ("1772452800000", NOON),
        ("1772452800000000", NOON),
        ("1772452800000000000", NOON),
        ("", None),
        ("-", None),
    ],
)
def test_reads_times_as_logs_write_them(tmp_path: Path, text: str, us: int | None):
    assert only(read(tmp_path, f"start,src,dst\n{text},192.0.2.7,203.0.113.9\n")).first_us == us


def test_takes_times_without_a_zone_as_utc_and_says_so(tmp_path: Path):
    row = "2026-03-02 12:00:00,192.0.2.7,203.0.113.9\n"
    log = read(tmp_path, "start,src,dst\n" + row * 3)
    assert log.notes == ("3 times have no zone; they were taken as UTC",)


def test_joins_a_date_and_a_time_that_stand_in_two_columns(tmp_path: Path):
    log = read(tmp_path, "date,time,srcip,dstip\n2026-03-02,12:00:00,192.0.2.7,203.0.113.9\n")
    assert only(log).first_us == NOON


def test_a_span_is_kept_whole(tmp_path: Path):
    seen = only(read(tmp_path, "start,end,src,dst\n1772452800,1772452860,192.0.2.7,203.0.113.9\n"))
    assert (seen.first_us, seen.last_us) == (NOON, NOON + 60 * SECOND)


@pytest.mark.parametrize(
    ("proto", "transport", "protocol"),
    [("6", "tcp", ""), ("17", "udp", ""), ("1", "icmp", ""), ("TCP", "tcp", ""), ("HTTPS", "", "https"), ("-", "", "")],
)
def test_tells_what_carries_from_what_is_spoken(tmp_path: Path, proto: str, transport: str, protocol: str):
    seen = only(read(tmp_path, f"src,dst,protocol\n192.0.2.7,203.0.113.9,{proto}\n"))
    assert (seen.transport, seen.protocol) == (transport, protocol)


@pytest.mark.parametrize(
    ("action", "refused"),
    [("allow", ""), ("ACCEPT", ""), ("Deny", "deny"), ("DROP", "drop"), ("reset-both", "reset-both"), ("timeout", "")],
)
def test_keeps_the_firewalls_word_for_what_it_refused(tmp_path: Path, action: str, refused: str):
    assert only(read(tmp_path, f"src,dst,action\n192.0.2.7,203.0.113.9,{action}\n")).refused == refused


def test_turns_the_answering_half_of_a_one_way_export_round(tmp_path: Path):
    text = "srcaddr,srcport,dstaddr,dstport,bytes\n192.0.2.7,50123,203.0.113.9,443,100\n203.0.113.9,443,192.0.2.7,50123,9000\n"
    seen = only(read(tmp_path, text))
    assert (seen.source, seen.destination, seen.port) == ("192.0.2.7", "203.0.113.9", 443)
    assert (seen.count, seen.bytes, seen.bytes_back) == (2, 100, 9000)


def test_counts_what_is_the_same_together(tmp_path: Path):
    rows = [
        "1772452800,192.0.2.7,50001,203.0.113.9,443,tcp,10,1,allow",
        "1772452700,192.0.2.7,50002,203.0.113.9,443,tcp,20,2,allow",
    ]
    seen = only(read(tmp_path, HEADER + "\n".join(rows)))
    assert (seen.count, seen.bytes, seen.bytes_back, seen.where_from) == (2, 30, 3, "fw.csv:2")
    assert (seen.first_us, seen.last_us) == (NOON - 100 * SECOND, NOON)


def test_a_quoted_cell_may_hold_the_delimiter(tmp_path: Path):
    assert only(read(tmp_path, 'rule,src,dst\n"web, in",192.0.2.7,203.0.113.9\n')).source == "192.0.2.7"


def test_a_dataset_and_a_count_may_be_told(tmp_path: Path):
    seen = only(read(tmp_path, "src,dst,dataset,count\n192.0.2.7,203.0.113.9,street-video,40\n"))
    assert (seen.dataset, seen.count) == ("street-video", 40)


# --- Zeek


def test_reads_a_connection_of_zeek(tmp_path: Path):
    log = read(tmp_path, zeek(conn()), "conn.log")
    seen = only(log)
    assert log.form == "Zeek"
    assert (seen.source, seen.destination, seen.port) == ("192.0.2.7", "2001:db8::1", 443)
    assert (seen.protocol, seen.transport, seen.bytes, seen.bytes_back) == ("ssl", "tcp", 100, 7)
    assert (seen.first_us, seen.last_us) == (NOON, NOON + 5 * SECOND // 2)
    assert seen.where_from == "conn.log:9"


def test_what_zeek_leaves_unset_is_not_known(tmp_path: Path):
    seen = only(read(tmp_path, zeek(conn(service="-", duration="-", orig_bytes="-", resp_bytes="-")), "conn.log"))
    assert (seen.protocol, seen.bytes, seen.bytes_back) == ("", None, None)
    assert seen.last_us == NOON


@pytest.mark.parametrize(
    ("proto", "state", "refused"),
    [("tcp", "S0", "no answer"), ("tcp", "REJ", "rejected"), ("tcp", "SF", ""), ("tcp", "RSTO", ""), ("udp", "S0", "")],
)
def test_an_attempt_without_an_answer_did_not_get_through_but_by_udp(
    tmp_path: Path, proto: str, state: str, refused: str
):
    assert only(read(tmp_path, zeek(conn(proto=proto, conn_state=state)), "conn.log")).refused == refused


def test_logs_that_were_joined_may_have_other_columns(tmp_path: Path):
    short = zeek("192.0.2.9\t203.0.113.9", header=("id.orig_h", "id.resp_h"))
    log = read(tmp_path, zeek(conn()) + short, "conn.log")
    assert [seen.source for seen in log.seen] == ["192.0.2.7", "192.0.2.9"]
    assert log.bad == 0


def test_json_lines_say_the_same_as_tabs(tmp_path: Path):
    fields = {
        "ts": NOON / SECOND, "uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 50000, "id.resp_h": "2001:db8::1",
        "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": 2.5, "orig_bytes": 100, "resp_bytes": 7,
        "conn_state": "SF", "local_orig": True,
    }  # fmt: skip
    by_json = read(tmp_path, json.dumps(fields) + "\n", "log")
    by_tabs = read(tmp_path, zeek(conn()), "log")
    assert by_json.form == "Zeek JSON"
    assert [s.where_from for s in by_json.seen] == ["log:1"]
    again = [
        (s.source, s.destination, s.port, s.protocol, s.first_us, s.last_us, s.bytes, s.bytes_back)
        for s in by_tabs.seen
    ]
    assert again == [
        (s.source, s.destination, s.port, s.protocol, s.first_us, s.last_us, s.bytes, s.bytes_back)
        for s in by_json.seen
    ]


def test_json_times_may_be_written_in_words(tmp_path: Path):
    line = {"ts": "2026-03-02T12:00:00.000000Z", "id.orig_h": "192.0.2.7", "id.resp_h": "203.0.113.9"}
    assert only(read(tmp_path, json.dumps(line))).first_us == NOON


def test_what_is_gzipped_is_unpacked(tmp_path: Path):
    assert only(read(tmp_path, gzip.compress(zeek(conn()).encode()), "conn.log.gz")).port == 443


# --- nothing is lost silently


BAD = {
    "too few columns": "1772452800,192.0.2.7",
    "too many columns": "1772452800,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow,more,and more",
    "no address": "1772452800,,1,203.0.113.9,443,tcp,1,1,allow",
    "an address with a space": "1772452800,192.0.2.7,1,203.0 113.9,443,tcp,1,1,allow",
    "an escape sequence for an address": "1772452800,\x1b[31m,1,203.0.113.9,443,tcp,1,1,allow",
    "an escape sequence for a protocol": "1772452800,192.0.2.7,1,203.0.113.9,443,\x1b[31m,1,1,allow",
    "a port too large": "1772452800,192.0.2.7,1,203.0.113.9,65536,tcp,1,1,allow",
    "a negative port": "1772452800,192.0.2.7,1,203.0.113.9,-5,tcp,1,1,allow",
    "bytes in words": "1772452800,192.0.2.7,1,203.0.113.9,443,tcp,1 kB,1,allow",
    "bytes without end": f"1772452800,192.0.2.7,1,203.0.113.9,443,tcp,{'9' * 5000},1,allow",
    "a time in words": "yesterday,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow",
    "a time before 1970": "-5,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow",
    "a time that is no number": "nan,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow",
    "a time without end": "inf,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow",
    "a day that is none": "2026-02-30T00:00:00Z,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow",
    "a quote that does not close": '1772452800,"192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow',
    "a line without end": "x" * (3 * LINE_MOST),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_counted_and_told_with_its_number_and_the_next_is_read(tmp_path: Path, case: str):
    good = "1772452800,192.0.2.7,1,203.0.113.9,443,tcp,1,1,allow\n"
    log = read(tmp_path, f"{HEADER}{good}{BAD[case]}\n{good}")
    assert (log.lines, log.kept, log.bad) == (3, 2, 1)
    [fault] = log.faults
    assert fault.startswith("fw.csv:3: ")
    assert fault.isprintable()


def test_a_line_that_is_not_utf8_is_bad(tmp_path: Path):
    log = read(tmp_path, b"src,dst\n192.0.2.7,\xff\xfe\n192.0.2.7,203.0.113.9\n")
    assert (log.kept, log.faults) == (1, ("fw.csv:2: not UTF-8",))


def test_only_the_first_few_bad_lines_are_told_and_all_are_counted(tmp_path: Path):
    log = read(tmp_path, "src,dst\n" + "bad\n" * 50)
    assert (log.bad, len(log.faults)) == (50, FAULTS_KEPT)


def test_bad_json_lines_are_counted(tmp_path: Path):
    good = '{"id.orig_h":"192.0.2.7","id.resp_h":"203.0.113.9"}'
    rows = [good, "{", '{"id.orig_h":7,"id.resp_h":"a"}', '{"uid":"x"}', "[" * 5000, good[:-1] + ',"id.resp_p":99999}',
            good[:-1] + ',"duration":-1,"ts":5}', good[:-1] + ',"orig_bytes":-1}', good]  # fmt: skip
    log = read(tmp_path, "\n".join(rows))
    assert (log.lines, log.kept, log.bad) == (9, 2, 7)


GOOD_JSON = b'{"id.orig_h":"192.0.2.7","id.resp_h":"203.0.113.9"}\n'
ODD_JSON = {
    "a protocol": GOOD_JSON[:-2] + b',"proto":"\\u001b[31m"}\n',
    "a port": GOOD_JSON[:-2] + b',"id.resp_p":99999}\n',
    "a time": GOOD_JSON[:-2] + b',"ts":"yesterday"}\n',
    "an address": b'{"id.orig_h":"","id.resp_h":"203.0.113.9"}\n',
    "an address of another type": b'{"id.orig_h":7,"id.resp_h":"203.0.113.9"}\n',
    "a count of another type": GOOD_JSON[:-2] + b',"orig_bytes":"many"}\n',
    "another log's line": b'{"uid":"x"}\n',
    "a line that was cut": b'{"id.orig_h":"192.0.2.7","id.re\n',
    "no UTF-8": b'{"id.orig_h":"\xff","id.resp_h":"203.0.113.9"}\n',
}


@pytest.mark.parametrize("case", ODD_JSON)
def test_an_odd_first_json_line_is_as_bad_as_an_odd_second_one_and_no_worse(tmp_path: Path, case: str):
    first, second = (
        read(tmp_path, b"".join(rows), "log") for rows in ((ODD_JSON[case], GOOD_JSON), (GOOD_JSON, ODD_JSON[case]))
    )
    assert (first.form, first.lines, first.kept, first.bad) == (second.form, second.lines, second.kept, second.bad)
    assert (first.kept, first.bad) == (1, 1)
    assert first.faults[0].partition(": ")[2] == second.faults[0].partition(": ")[2]


def test_a_json_log_may_begin_with_a_byte_order_mark(tmp_path: Path):
    assert read(tmp_path, b"\xef\xbb\xbf" + GOOD_JSON, "log").kept == 1


def test_json_lines_none_of_which_is_a_connection_are_no_flow_log(tmp_path: Path):
    with pytest.raises(DecodeError, match="first line is no JSON object"):
        read(tmp_path, b'{"uid":"x"}\n' * FIRST_LINES + GOOD_JSON, "log")


def test_beyond_the_bound_of_tuples_lines_are_counted_and_known_ones_still_taken(tmp_path: Path):
    rows = "".join(f"192.0.2.7,203.0.113.{n}\n" for n in (1, 2, 3, 1, 4, 2))
    log = read(tmp_path, "src,dst\n" + rows, most=2)
    assert (log.lines, log.kept, log.beyond) == (6, 4, 2)
    assert sorted(seen.count for seen in log.seen) == [2, 2]


def test_what_does_not_matter_is_bounded_apart_and_takes_no_room_from_what_does(tmp_path: Path):
    strangers = "".join(f"198.51.100.{n},203.0.113.1\n" for n in range(1, 8))
    rows = f"{strangers}192.0.2.7,203.0.113.1\n203.0.113.1,192.0.2.8\n198.51.100.2,203.0.113.1\n192.0.2.9,203.0.113.1\n"
    mine = ("192.0.2.7", "192.0.2.8", "192.0.2.9")
    log = read(tmp_path, "src,dst\n" + rows, matters=lambda a, b: a in mine or b in mine, most=2, strangers_most=3)
    assert (log.lines, log.kept, log.beyond, log.strangers_beyond) == (11, 6, 1, 4)
    assert [seen.count for seen in log.seen if seen.source == "198.51.100.2"] == [2]
    assert {"192.0.2.7", "203.0.113.1"} <= {seen.source for seen in log.seen}


def test_what_ended_before_the_window_is_kept_apart(tmp_path: Path):
    rows = [f"{(NOON + days * DAY) // SECOND},192.0.2.7,203.0.113.9" for days in (-2, -1, 1)]
    log = read(tmp_path, "start,src,dst\n" + "\n".join(rows), since_us=NOON)
    assert sorted((seen.count, seen.last_us) for seen in log.seen) == [(1, NOON + DAY), (2, NOON - DAY)]


def test_a_gzipped_log_that_was_cut_keeps_what_came_before(tmp_path: Path):
    chance = random.Random(1)
    rows = "".join(f"192.0.2.{chance.randrange(250)},203.0.113.{chance.randrange(250)}\n" for _ in range(50_000))
    packed = gzip.compress(("src,dst\n" + rows).encode())
    log = read(tmp_path, packed[: len(packed) // 2], "fw.csv.gz")
    assert 1000 < log.kept < 50_000
    assert log.notes == ("the file ends in the middle of its compressed data; what came before is counted",)


def test_tells_how_far_it_is(tmp_path: Path):
    told: list[int] = []
    read(tmp_path, "src,dst\n" + "192.0.2.7,203.0.113.9\n" * 250_000, progress=told.append)
    assert told == [100_000, 200_000]


# --- what is no flow log


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no header"),
        (b"\n\n# only a remark\n", "no header"),
        (b"a,b,c\n1,2,3\n", "no column of it is a source or a destination; found a, b, c"),
        (b"src,port\n192.0.2.7,1\n", "no column of it is a destination"),
        (b"\xff\xfe\x00s\x00r\x00c", "not UTF-8"),
        (b'{"a": 1}\n', "its first line is no JSON object with `id.orig_h` and `id.resp_h`"),
        (b"\x1f\x8b" + b"not gzip at all", "compressed data are damaged"),
        (gzip.compress(b"src,dst\n", mtime=0)[:-10], "compressed data are damaged"),
        (b"src,dst" + b"," * LINE_MOST, "its header has more than"),
        (b"#fields\tuid\n", "no column of it is a source"),
    ],
)
def test_says_why_a_file_is_no_flow_log(tmp_path: Path, data: bytes, said: str):
    with pytest.raises(DecodeError, match="no flow log") as error:
        read(tmp_path, data, "odd")
    assert said in str(error.value)
    assert "where: odd" in str(error.value)
    assert "mend:" in str(error.value)


def test_a_file_that_is_not_there_is_a_link_error(tmp_path: Path):
    with pytest.raises(LinkError, match="cannot read the log"):
        read_flow_log(tmp_path / "nowhere.log")


PIECES = st.sampled_from(
    [b"src,dst,port\n", b"192.0.2.7,", b"203.0.113.9,", b"443\n", b"#fields\t", b"id.orig_h\tid.resp_h\n", b"#separator \\x09\n",
     b"\t", b'{"id.orig_h":"192.0.2.7",', b'"id.resp_h":"a"}\n', b'"', b"-", b"\x1f\x8b", b"1e999,", b"\n", b"\xff"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400) | st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join),
    packed=st.booleans(),
)
def test_whatever_the_bytes_only_errors_of_ours_are_raised_and_lines_add_up(tmp_path: Path, data: bytes, packed: bool):
    try:
        log = read(tmp_path, gzip.compress(data) if packed else data, "any")
    except CitywardError as error:
        assert isinstance(error, DecodeError)
        return
    for seen in log.seen:
        assert all(text.isprintable() for text in (seen.source, seen.destination, seen.protocol, seen.transport))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99), st.integers(0, 9)), max_size=40),
    seed=st.integers(),
)
def test_the_order_of_lines_changes_nothing_but_which_line_is_named(
    tmp_path: Path, rows: list[tuple[int, int, int, int]], seed: int
):
    def told(some: list[tuple[int, int, int, int]]) -> set[tuple[object, ...]]:
        lines = "".join(f"{1772452800 + at},192.0.2.{a},203.0.113.{b},{size}\n" for a, b, size, at in some)
        log = read(tmp_path, "start,src,dst,bytes\n" + lines)
        return {(s.source, s.destination, s.count, s.bytes, s.first_us, s.last_us) for s in log.seen}

    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert told(rows) == told(shuffled)

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest

from neuralforge.runs.errors import RunFileError
from neuralforge.runs.events import Event
from neuralforge.runs.journal import MAX_PAYLOAD_BYTES, Journal, Record, Scan, encode
from neuralforge.runs.reader import RunReader

PAYLOADS = [b"", b"a", b"bb" * 100, bytes(range(256))]


@pytest.fixture
def path(tmp_path):
    journal = Journal.create(tmp_path / "journal", [encode(Record.HEADER, PAYLOADS[0])])
    for payload in PAYLOADS[1:]:
        journal.append(encode(Record.EVENT, payload))
    journal.close()
    journal.close()
    return tmp_path / "journal"


def payloads(path):
    return [payload for _, payload in Scan(path)]


def test_records_come_back(path):
    scan = Scan(path)
    assert [payload for _, payload in scan] == PAYLOADS
    assert scan.valid_bytes == scan.size_bytes == path.stat().st_size and not scan.damaged


def test_every_cut_leaves_a_prefix(path):
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        scan = Scan(path)
        found = [payload for _, payload in scan]
        assert found == PAYLOADS[: len(found)] and scan.valid_bytes <= length and not scan.damaged
        assert scan.is_journal or not found


def test_every_flipped_byte_leaves_a_prefix(path):
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        found = payloads(path)
        assert found == PAYLOADS[: len(found)] and len(found) < len(PAYLOADS)


def test_a_flip_before_the_end_is_called_damage(path):
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    scan = Scan(path)
    list(scan)
    assert scan.damaged


def test_lengths_of_a_hostile_file_are_not_believed(tmp_path):
    path = tmp_path / "journal"
    start = struct.pack("<8sI", b"NFJOURNL", 1)
    for length in (2**32 - 1, MAX_PAYLOAD_BYTES + 1, MAX_PAYLOAD_BYTES, 1):
        head = struct.pack("<BI", 1, length)
        path.write_bytes(start + head + struct.pack("<I", zlib.crc32(head)))
        tracemalloc.start()
        assert payloads(path) == []
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


def test_an_unknown_type_or_version_is_not_read(tmp_path):
    path = tmp_path / "journal"
    head = struct.pack("<BI", 200, 1)
    path.write_bytes(struct.pack("<8sI", b"NFJOURNL", 1) + head + struct.pack("<I", zlib.crc32(head + b"x")) + b"x")
    assert payloads(path) == []
    path.write_bytes(struct.pack("<8sI", b"NFJOURNL", 2) + encode(Record.EVENT, b"x"))
    scan = Scan(path)
    assert list(scan) == [] and not scan.is_journal


def test_opening_cuts_a_torn_end(path):
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\x04torn")
    journal = Journal(path, size)
    journal.append(encode(Record.EVENT, b"next"))
    journal.close()
    assert payloads(path) == [*PAYLOADS, b"next"]


@pytest.mark.parametrize(
    "records",
    [
        [(Record.EVENT, b"{}")],
        [(Record.HEADER, b"{}")],
        [(Record.HEADER, b"[" * 100_000)],
        [(Record.HEADER, None), (Record.HEADER, None)],
        [(Record.HEADER, None), (Record.ROWS, b"")],
        [(Record.HEADER, None), (Record.ROWS, b"\x00\x00" + bytes(40))],
        [(Record.HEADER, None), (Record.CHANNEL, b'{"name":"x","series":["../x"]}')],
        [(Record.HEADER, None), (Record.CHANNEL, b'{"name":"x","series":["a/b"]}'), (Record.ROWS, bytes(17))],
        [(Record.HEADER, None)] + 2 * [(Record.CHANNEL, b'{"name":"x","series":["a/b"]}')],
        [(Record.HEADER, None), (Record.ATTRIBUTE, b'{"name":"status","value":"evil","closing":false}')],
        [(Record.HEADER, None), (Record.ATTRIBUTE, b'{"name":"seed","value":1,"closing":false}')],
        [(Record.HEADER, None), (Record.CHECKPOINT, b'{"step":1,"file":"../x","sha256":"","kind":""}')],
        [(Record.HEADER, None), (Record.EVENT, b"\xff")],
        [(Record.HEADER, None), (Record.EVENT, b"[]")],
    ],
)  # fmt: skip
def test_a_hostile_journal_is_one_sentence(tmp_path, make_header, records):
    header = make_header(channels={}).immutable_json().encode()
    Journal.create(
        tmp_path / "journal", [encode(kind, body if body is not None else header) for kind, body in records]
    ).close()
    with pytest.raises(RunFileError, match="journal"):
        RunReader(tmp_path)
    assert not (tmp_path / "run.h5").exists()


def test_damage_in_the_middle_does_not_cost_what_the_file_has(log):
    for step in range(1, 50):
        log.channel("train").row(step, 1, 2, 3, 4)
        log.event(Event(operation="notice", key="x"))
    log.flush()
    log.abandon()
    data = bytearray((log.folder / "journal").read_bytes())
    data[len(data) // 2] ^= 1
    (log.folder / "journal").write_bytes(data)
    run = RunReader(log.folder)
    assert len(run.series("train/loss")[0]) == 49 and len(run.events()) == 49 and run.verify() is None
    assert run.status == "interrupted" and (log.folder / "journal.damaged").exists()

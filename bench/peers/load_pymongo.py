"""pymongo's bson and pyarrow: a dump into one Parquet file, in batches, by one thread whatever CORES says.

    load_pymongo.py DUMP OUT CORES [--idle]
"""

import itertools
import os
import sys

import bson
import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 50_000
TIME = pa.timestamp("ms", "UTC")
SCHEMA = pa.schema(
    [
        ("_id", pa.string()),
        ("sequence", pa.int64()),
        ("guestId", pa.string()),
        ("guestName", pa.string()),
        ("hotel", pa.string()),
        ("room", pa.int64()),
        ("channel", pa.string()),
        ("template", pa.string()),
        ("subject", pa.string()),
        ("status", pa.string()),
        ("attempts", pa.int64()),
        ("cost", pa.float64()),
        ("createTime", TIME),
        ("updateTime", TIME),
    ]
)


def documents(dump):
    with open(dump, "rb") as file:
        for document in bson.decode_file_iter(file):
            document["_id"] = str(document["_id"])
            yield document


def main(dump, out, idle):
    if idle:
        return
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, "notifications.parquet")
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=3) as writer:
        rows = documents(dump)
        while batch := list(itertools.islice(rows, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))


if __name__ == "__main__":
    main(*sys.argv[1:3], "--idle" in sys.argv)

"""Makes what the peers start from, out of a table of mongolake's: the same rows for all. Nothing here is timed.

    make_data.py parquet TABLE FOLDER PARTS           PARTS Parquet files, cut by the hash of _id and sorted by it, zstd level 3
    make_data.py delta TABLE FOLDER FILES CODEC       a table of delta-rs' of about FILES files, each with a range of _id
"""

import math
import os
import sys

import duckdb
from deltalake import DeltaTable, WriterProperties, write_deltalake


def rows_of(table):
    """A connection that has the rows of a Delta table as the view `rows`."""
    db = duckdb.connect()
    files = ", ".join(f"'{uri.removeprefix('file://')}'" for uri in DeltaTable(table).file_uris())
    db.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet([{files}])")
    return db


def make_parquet(table, folder, parts):
    db = rows_of(table)
    os.makedirs(folder, exist_ok=True)
    for part in range(parts):
        db.execute(
            f"COPY (SELECT * FROM rows WHERE hash(_id) % {parts} = {part} ORDER BY _id) "
            f"TO '{folder}/part-{part:02}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)"
        )


def make_delta(table, folder, files, codec):
    db = rows_of(table)
    rows = db.execute("SELECT count(*) FROM rows").fetchone()[0]
    batches = db.execute("SELECT * FROM rows ORDER BY _id").to_arrow_reader(math.ceil(rows / files))
    for batch in batches:
        write_deltalake(folder, batch, mode="append", writer_properties=writer_properties(codec))


def writer_properties(codec):
    if codec == "zstd":
        return WriterProperties(compression="ZSTD", compression_level=3)
    return WriterProperties(compression="SNAPPY")


if __name__ == "__main__":
    if sys.argv[1] == "parquet":
        make_parquet(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        make_delta(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])

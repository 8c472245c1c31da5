"""delta-rs: MERGE of a delta into a Delta table.

    merge_deltars.py TABLE DELTA CODEC          DELTA is a folder of Parquet files
    merge_deltars.py TABLE DELTA CODEC --idle   opens the table and ends
"""

import sys

import pyarrow.parquet
from deltalake import DeltaTable, WriterProperties


def main(table, delta, codec, idle):
    target = DeltaTable(table)
    if idle:
        return
    compression = {"zstd": WriterProperties(compression="ZSTD", compression_level=3)}
    (
        target.merge(
            source=pyarrow.parquet.read_table(delta),
            predicate="target._id = source._id",
            source_alias="source",
            target_alias="target",
            # The delta is in memory: its ids' range may then prune the table's files (the parameter's documentation).
            streamed_exec=False,
            writer_properties=compression.get(codec, WriterProperties(compression="SNAPPY")),
        )
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )


if __name__ == "__main__":
    main(*sys.argv[1:4], "--idle" in sys.argv)

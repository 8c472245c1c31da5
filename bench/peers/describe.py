"""Tells what a contender's result holds, so that all can be compared. Prints one JSON object.

    describe.py delta TABLE      a Delta table
    describe.py parquet FOLDER   Parquet files, in any depth

The digest is that of the set of rows, over the columns that tell one state of a document from another.
"""

import json
import sys

import duckdb
from deltalake import DeltaTable

SQL = """
SELECT count(*), count(DISTINCT _id), bit_xor(hash(_id, guestName, status, attempts, epoch_ms(updateTime)))::VARCHAR
FROM read_parquet({files}, union_by_name = true)
"""


def files_of(kind, path):
    if kind == "parquet":
        return f"'{path}/**/*.parquet'"
    return str([uri.removeprefix("file://") for uri in DeltaTable(path).file_uris()])


if __name__ == "__main__":
    sql = SQL.format(files=files_of(sys.argv[1], sys.argv[2]))
    rows, ids, digest = duckdb.connect().execute(sql).fetchone()
    print(json.dumps({"rows": rows, "ids": ids, "digest": digest}))

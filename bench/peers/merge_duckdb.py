"""DuckDB by itself, on Parquet files that are cut by the hash of _id, as many at once as there are cores.

    merge_duckdb.py copy BASE DELTA OUT CORES    writes the rows of each file anew: the floor for whoever rewrites them all
    merge_duckdb.py merge BASE DELTA OUT CORES   leaves out what the delta replaces, adds the delta
    merge_duckdb.py idle BASE DELTA OUT CORES    connects and ends

The new files are not sorted, and there is no log, no statistics and no commit.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb


def rows(mode, base, delta, part, parts):
    if mode == "copy":
        return f"SELECT * FROM '{base}'"
    own = f"(SELECT * FROM '{delta}/*.parquet' WHERE hash(_id) % {parts} = {part})"
    return f"SELECT * FROM '{base}' WHERE _id NOT IN (SELECT _id FROM {own}) UNION ALL SELECT * FROM {own}"


def main(mode, base, delta, out, cores):
    db = duckdb.connect(config={"threads": int(cores), "preserve_insertion_order": False})
    if mode == "idle":
        return
    names = sorted(os.listdir(base))
    os.makedirs(out, exist_ok=True)

    def write(part):
        query = rows(mode, os.path.join(base, names[part]), delta, part, len(names))
        options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3"
        db.cursor().execute(f"COPY ({query}) TO '{out}/{names[part]}' ({options})")

    with ThreadPoolExecutor(int(cores)) as pool:
        list(pool.map(write, range(len(names))))


if __name__ == "__main__":
    main(*sys.argv[1:])

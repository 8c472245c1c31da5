"""Writes a small Delta table with delta-rs, two versions, for the test of the readers themselves.

    write-sample.py TABLE     a local path or an s3:// URI (AWS_* from the environment, plain HTTP allowed)
"""

import datetime
import decimal
import os
import sys

import deltalake
import pyarrow as pa

UTC = datetime.timezone.utc
ENTRY = pa.struct([("k", pa.int64()), ("v", pa.timestamp("us", "UTC"))])
NESTED = pa.struct([("list", pa.list_(ENTRY)), ("price", pa.decimal128(10, 2))])


def sample():
    late = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)
    first = {"list": [{"k": 1, "v": datetime.datetime(2000, 1, 1, tzinfo=UTC)}], "price": decimal.Decimal("1.50")}
    return pa.table(
        {
            "_id": pa.array(["b", "a", "é", "😀"]),
            "n": pa.array([9007199254740993, -5, None, 2], pa.int64()),
            "x": pa.array([float("nan"), -0.0, float("-inf"), 2.0], pa.float64()),
            "t": pa.array(
                [
                    datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
                    datetime.datetime(1969, 12, 31, tzinfo=UTC),
                    late,
                    None,
                ],
                pa.timestamp("us", "UTC"),
            ),
            "bytes": pa.array([b"\x00\xff", b"", None, b"a"], pa.binary()),
            "nested": pa.array([first, None, {"list": [], "price": None}, {"list": None, "price": None}], NESTED),
            "ok": pa.array([True, False, None, True]),
        }
    )


def main():
    table = sys.argv[1]
    names = ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    options = {name: os.environ[name] for name in names if name in os.environ}
    if table.startswith("s3://"):
        options["AWS_ALLOW_HTTP"] = "true"
    rows = sample()
    deltalake.write_deltalake(table, rows.slice(0, 3), storage_options=options)
    deltalake.write_deltalake(table, rows.slice(3, 1), mode="append", storage_options=options)


if __name__ == "__main__":
    main()

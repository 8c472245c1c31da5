"""Reads Delta tables with an engine that is not ours, and prints the rows as JSON lines.

    read.py ENGINE TABLE          prints the rows of TABLE, a row a line
    read.py ENGINE --serve        reads requests from stdin, a JSON object a line:
                                  {"table", "version"?, "columns"?, "where"?, "orderBy"?},
                                  for duckdb also {"statements"?: to run first, "view"?: to read instead of the table}
                                  answers "+<row>" lines, then "." or "!<JSON string: the error>"

ENGINE is duckdb, deltars, polars or spark. TABLE is a local path or, but for spark, an s3:// URI; for those
AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are used, over plain HTTP too.
Rows are ordered by _id where the table has it. In JSON: timestamps are ISO 8601 in UTC with microseconds and a Z,
integers are exact, doubles keep a point or an exponent, NaN and infinities are strings, binary is hex, decimals strings.
"""

import datetime
import decimal
import json
import math
import os
import sys


def to_json(value):
    """A Python value of a row as something that json.dumps writes without loss."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime.datetime):
        zone = "" if value.tzinfo is None else "Z"
        utc = value if value.tzinfo is None else value.astimezone(datetime.timezone.utc)
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + zone
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def s3_options():
    """Storage options of delta-rs and Polars, from the environment."""
    names = ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    options = {name: os.environ[name] for name in names if name in os.environ}
    return {**options, "AWS_ALLOW_HTTP": "true"}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"


def sql_tail(request, names, quote):
    """WHERE and ORDER BY of a request, for a table with these column names."""
    where = " WHERE " + request["where"] if request.get("where") else ""
    order = [quote(name) for name in order_by(request, names)]
    return where + (" ORDER BY " + ", ".join(order) if order else "")


def order_by(request, names):
    return request.get("orderBy") or (["_id"] if "_id" in names else [])


class DuckDb:
    """DuckDB's delta extension, loaded from its wheel: nothing is downloaded."""

    def __init__(self):
        import duckdb

        self.db = duckdb.connect(config={"allow_unsigned_extensions": "true", "autoinstall_known_extensions": "false"})
        self.db.execute("SET TimeZone = 'UTC'")
        for name in ["delta", "httpfs"]:
            package = __import__("duckdb_extension_" + name)
            file = f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
            self.db.execute("LOAD " + sql_text(os.path.join(os.path.dirname(package.__file__), file)))
        if "AWS_ENDPOINT_URL" in os.environ:
            self.use_s3(os.environ)

    def use_s3(self, env):
        scheme, host = env["AWS_ENDPOINT_URL"].rstrip("/").split("://")
        self.db.execute(
            f"CREATE SECRET lake (TYPE s3, KEY_ID {sql_text(env['AWS_ACCESS_KEY_ID'])},"
            f" SECRET {sql_text(env['AWS_SECRET_ACCESS_KEY'])}, REGION {sql_text(env['AWS_REGION'])},"
            f" ENDPOINT {sql_text(host)}, URL_STYLE 'path', USE_SSL {str(scheme == 'https').lower()})"
        )

    def read(self, request):
        version = f", version := {request['version']}" if request.get("version") is not None else ""
        for statement in request.get("statements") or []:
            self.db.execute(statement)
        source = request.get("view") or f"delta_scan({sql_text(request['table'])}{version})"
        names = self.db.sql(f"SELECT * FROM {source} LIMIT 0").columns
        columns = ", ".join(quoted(name) for name in request.get("columns") or names)
        return self.db.sql(f"SELECT {columns} FROM {source}" + sql_tail(request, names, quoted)).to_arrow_table()


class DeltaRs:
    """delta-rs, with its own DataFusion scan (which skips files by their statistics)."""

    def read(self, request):
        import deltalake
        import pyarrow

        options = s3_options() if "://" in request["table"] else None
        table = deltalake.DeltaTable(request["table"], version=request.get("version"), storage_options=options)
        names = [field.name for field in table.schema().fields]
        columns = ", ".join(quoted(name) for name in request.get("columns") or names)
        query = f"SELECT {columns} FROM t" + sql_tail(request, names, quoted)
        return pyarrow.table(deltalake.QueryBuilder().register("t", table).execute(query))


class Polars:
    """Polars' scan_delta."""

    def read(self, request):
        import polars

        options = s3_options() if "://" in request["table"] else None
        frame = polars.scan_delta(request["table"], version=request.get("version"), storage_options=options)
        names = frame.collect_schema().names()
        if request.get("where"):
            frame = frame.filter(polars.sql_expr(request["where"]))
        order = order_by(request, names)
        if order:
            frame = frame.sort(order)
        return frame.select(request.get("columns") or names).collect().to_arrow()


class Spark:
    """Spark 3.5 with Delta Lake's jars (MONGOLAKE_TEST_SPARK_JARS, separated by commas), as small as it goes."""

    def __init__(self):
        from pyspark.sql import SparkSession

        os.environ["TZ"] = "UTC"
        settings = {
            "spark.driver.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.jars": os.environ["MONGOLAKE_TEST_SPARK_JARS"],
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "1",
            "spark.databricks.delta.snapshotPartitions": "1",
        }
        builder = SparkSession.builder.master("local[1]").appName("read")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("ERROR")

    def read(self, request):
        # Delta keeps snapshots by path; a test may have made another table at the same one.
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        reader = self.spark.read.format("delta")
        if request.get("version") is not None:
            reader = reader.option("versionAsOf", request["version"])
        frame = reader.load(request["table"])
        names = frame.columns
        if request.get("where"):
            frame = frame.where(request["where"])
        order = order_by(request, names)
        if order:
            frame = frame.orderBy(*["`" + name.replace("`", "``") + "`" for name in order])
        columns = request.get("columns") or names
        frame = frame.select(*["`" + name.replace("`", "``") + "`" for name in columns])
        return self.collect(frame)

    def collect(self, frame):
        """The rows through Arrow: collect() would put timestamps through Python's local time."""
        import pyarrow

        batches = frame._collect_as_arrow()
        return pyarrow.Table.from_batches(batches) if batches else pyarrow.table({})


ENGINES = {"duckdb": DuckDb, "deltars": DeltaRs, "polars": Polars, "spark": Spark}


def lines(table, prefix=""):
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield prefix + json.dumps(to_json(row), ensure_ascii=False, allow_nan=False) + "\n"


def serve(engine, out):
    for line in sys.stdin:
        try:
            out.writelines(lines(engine.read(json.loads(line)), "+"))
            out.write(".\n")
        except Exception as error:  # told to the caller; the next request may be fine
            out.write("!" + json.dumps(f"{type(error).__name__}: {error}") + "\n")
        out.flush()


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ENGINES:
        sys.exit(__doc__)
    # Engines may print; only rows go to the real stdout.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    engine = ENGINES[sys.argv[1]]()
    if sys.argv[2] == "--serve":
        serve(engine, out)
    else:
        out.writelines(lines(engine.read({"table": sys.argv[2]})))
    out.flush()


if __name__ == "__main__":
    main()

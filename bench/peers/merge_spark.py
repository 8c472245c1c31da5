"""PySpark: the nightly job. Reads the table's Parquet, leaves out what the delta replaces, adds the delta, writes all of it anew.

    merge_spark.py BASE DELTA OUT CORES MEMORY JOBS

does the job JOBS times in one session (0: only starts and ends the session) and prints the seconds of the last one as JSON.
"""

import json
import sys
import time

from pyspark.sql import SparkSession


def job(spark, base, delta, out):
    delta = spark.read.parquet(delta)
    kept = spark.read.parquet(base).join(delta, on="_id", how="left_anti")
    kept.unionByName(delta).write.mode("overwrite").parquet(out)


def main(base, delta, out, cores, memory, jobs):
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    seconds = None
    for _ in range(int(jobs)):
        started = time.monotonic()
        job(spark, base, delta, out)
        seconds = time.monotonic() - started
    spark.stop()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""dlt: a dump into Parquet files, by its filesystem destination.

    load_dlt.py DUMP OUT CORES [--idle]

Pages of documents, several files of an intermediate step and as many processes as there are cores: what dlt's page on performance
recommends. Values that are no JSON become strings, as in dlt's own source for MongoDB.
"""

import os
import sys

PAGE = 10_000

DUMP, OUT, CORES = sys.argv[1:4]
os.environ.update(
    {
        "NORMALIZE__WORKERS": CORES,
        "DATA_WRITER__FILE_MAX_ITEMS": "100000",
        "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "1000000",
        "SCHEMA__NAMING": "direct",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": os.path.join(OUT, "state"),
    }
)

import bson  # noqa: E402
import dlt  # noqa: E402


def documents():
    page = []
    with open(DUMP, "rb") as file:
        for document in bson.decode_file_iter(file):
            document["_id"] = str(document["_id"])
            page.append(document)
            if len(page) == PAGE:
                yield page
                page = []
    if page:
        yield page


def main():
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        destination=dlt.destinations.filesystem(bucket_url=os.path.join(OUT, "lake")),
        dataset_name="guest",
        pipelines_dir=os.path.join(OUT, "pipelines"),
    )
    if "--idle" in sys.argv:
        return
    resource = dlt.resource(documents, name="notifications", write_disposition="replace")
    pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main()

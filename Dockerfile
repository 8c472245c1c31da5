# Two images: `mongolake` (the last stage, and so the default) and `sample`, which fills a MongoDB for the demonstration of
# compose.yaml. Debian and not Alpine: the merge threads and the queue load native code that is tested on glibc.
FROM node:22.22.0-bookworm-slim AS base
# A user of its own, by number too, so that Kubernetes can tell that it isn't root. Its home is where state is kept, such as
# the nonce of Vault's EC2 login.
RUN groupadd --gid 10001 mongolake \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/mongolake --create-home --shell /usr/sbin/nologin mongolake
WORKDIR /opt/mongolake

FROM base AS packages
COPY package.json package-lock.json ./
# No package needs its install script: native parts come as packages of their own.
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
RUN chmod +x dist/cli.js
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM packages AS sample
COPY examples examples
# Made here, so that a volume that is mounted on it belongs to the user.
RUN install --directory --owner=mongolake --group=mongolake /var/lib/sample
USER 10001:10001
VOLUME ["/var/lib/sample"]
ENTRYPOINT ["sh", "examples/compose/sample.sh"]
CMD ["1"]

FROM base AS mongolake
LABEL org.opencontainers.image.title="mongolake" \
      org.opencontainers.image.description="Keeps a table of Parquet files in object storage in step with a MongoDB collection" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# TMPDIR is where worker.scratch is unless it is configured: on a volume, as merges spill to it.
ENV NODE_ENV=production \
    TMPDIR=/var/tmp/mongolake
COPY package.json LICENSE ./
COPY --from=build /opt/mongolake/node_modules node_modules
COPY --from=build /opt/mongolake/dist dist
RUN ln -s /opt/mongolake/dist/cli.js /usr/local/bin/mongolake \
    && install --directory --owner=mongolake --group=mongolake /var/tmp/mongolake
# Where mongolake.yaml is looked for.
WORKDIR /etc/mongolake
USER 10001:10001
VOLUME ["/var/tmp/mongolake"]
# In exec form, so that SIGTERM reaches the process, which handles it: a worker drains. Run with --init (`init: true`) all the
# same: as process 1, a process that doesn't handle SIGTERM yet, as in its first half second, would not end by it.
# There is no HEALTHCHECK: only some commands listen, and where is the configuration's to say. compose.yaml has one for each.
ENTRYPOINT ["mongolake"]
CMD ["--help"]

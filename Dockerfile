# Two images: `mongolake` (the last stage, and so the default) and `sample`, which fills a MongoDB for the demonstration of
# compose.yaml. Debian and not Alpine: the merge threads and the queue load native code that is tested on glibc.
FROM node:22.22.0-bookworm-slim AS packages
WORKDIR /opt/mongolake
COPY package.json package-lock.json ./
# No package needs its install script: native parts come as packages of their own, for each platform.
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM packages AS sample
COPY examples examples
# Made here, so that a volume that is mounted on it belongs to the user.
RUN install --directory --owner=node --group=node /var/lib/sample
USER node
VOLUME ["/var/lib/sample"]
ENTRYPOINT ["sh", "examples/compose/sample.sh"]
CMD ["1"]

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
COPY LICENSE ./
COPY docker docker
# All that the image has, tried once on the platform that it is for: a library that is missing is found out here.
RUN sh docker/rootfs.sh /rootfs \
    && chroot /rootfs mongolake --version \
    && chroot /rootfs node -e "for (const native of ['@duckdb/node-api', 'snappy']) require('/opt/mongolake/node_modules/' + native)"

# Nothing but Node.js, its libraries and mongolake: no shell, no package manager, no npm.
FROM scratch AS mongolake
LABEL org.opencontainers.image.title="mongolake" \
      org.opencontainers.image.description="Keeps a table of Parquet files in object storage in step with a MongoDB collection" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs /
# TMPDIR is where worker.scratch is unless it is configured: on a volume, as merges spill to it.
ENV PATH=/usr/local/bin:/usr/bin \
    NODE_ENV=production \
    TMPDIR=/var/tmp/mongolake
# Where mongolake.yaml is looked for.
WORKDIR /etc/mongolake
# By number, so that Kubernetes can tell that it isn't root.
USER 10001:10001
VOLUME ["/var/tmp/mongolake"]
# Asks /healthz where the process listens; a command that serves nothing is healthy.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["node", "/opt/mongolake/healthcheck.mjs"]
# In exec form, so that SIGTERM reaches the process, which handles it: a worker drains. Run with --init (`init: true`) all the
# same: as process 1, a process that doesn't handle SIGTERM yet, as in its first half second, would not end by it.
ENTRYPOINT ["mongolake"]
CMD ["--help"]

# The worker's image. Both stages start from the same base, so that the virtual environment finds its Python again.
# The base is an argument: a mirror, a pinned digest, or a base built without a registry (deploy/image). It must be
# Debian 12 or a derivative of it, with Python 3.11 or later as python3.
ARG BASE_IMAGE=docker.io/library/python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS builder
# For registries behind certificates or settings of one's own: paths of files that are mounted into the build.
ARG SSL_CERT_FILE
ARG PIP_CERT
ARG PIP_CONFIG_FILE
WORKDIR /src
RUN python3 -m venv /opt/sanitizer
COPY requirements/build.txt requirements/runtime.txt requirements/
# Build isolation is off because what an isolated build fetches is neither pinned nor checked.
RUN set -eu; \
    install="/opt/sanitizer/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check"; \
    $install --require-hashes -r requirements/build.txt; \
    $install --require-hashes --no-build-isolation -r requirements/runtime.txt
# amazon-kclpy downloads KCL's jars while it is built, and compares no checksum. This does, and refuses any other jar.
COPY deploy/image/kcl-jars.sha256 ./
# hadolint ignore=DL3003
RUN set -eu; \
    cd /opt/sanitizer/lib/python3.*/site-packages/amazon_kclpy/jars; \
    LC_ALL=C; \
    sha256sum -- *.jar > /src/found.sha256; \
    diff /src/kcl-jars.sha256 /src/found.sha256
COPY pyproject.toml README.md LICENSE ./
COPY redaction redaction
COPY consumer consumer
RUN set -eu; \
    pip="/opt/sanitizer/bin/python -m pip --disable-pip-version-check"; \
    $pip install --quiet --no-cache-dir --no-deps --no-build-isolation .; \
    $pip uninstall --quiet --yes setuptools wheel packaging pip

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kinesis-sanitizer" \
      org.opencontainers.image.description="Reads transactions from Amazon Kinesis, removes the sensitive data, stores the rest in DynamoDB." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Slim bases come without manual pages, and Java's package links one into their folder. Java's version is not pinned: Debian
# serves only the newest point release, which is the one with the security fixes.
# hadolint ignore=DL3008
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    mkdir -p /usr/share/man/man1; \
    apt-get update -qq; \
    apt-get install -qq --yes --no-install-recommends openjdk-17-jre-headless > /dev/null; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log; \
    groupadd --system --gid 10001 sanitizer; \
    useradd --system --uid 10001 --gid sanitizer --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sanitizer; \
    install --directory --owner=sanitizer --group=sanitizer --mode=0700 /run/sanitizer
COPY --from=builder /opt/sanitizer /opt/sanitizer
ENV PATH=/opt/sanitizer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SANITIZER_RUNTIME_DIR=/run/sanitizer
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
# The only two places that are written to, so the rest can be read-only. Declared here because a volume that ECS mounts
# takes owner and mode from the image only for a declared path; any other arrives owned by root.
VOLUME ["/run/sanitizer", "/tmp"]
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python3", "-I", "-S", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9464, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["sanitizer"]
CMD ["run"]

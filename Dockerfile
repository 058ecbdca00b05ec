# The worker's image: `make image`. Targets: the last stage is the worker; `local` is the worker with the embedded cloud.
# Files get the time 0, so that equal content is an equal layer: a new version of the worker brings one small layer,
# and the last, Java's AOT cache, which no two builds make alike (17 MB compressed).
#
# The base is an argument: a mirror's, a newer one, or one built without a registry (deploy/image/base.Dockerfile). It must
# be laid out like the default: Debian 13, with Python 3.11 or later in /usr/local. The digest is that of the index of all
# architectures; another tag's is shown by `docker buildx imagetools inspect docker.io/library/python:TAG`.
#
# Secrets, none of which has to be given, and none of which is in a layer (docs/deploy.md): `certificates`, all that the build
# shall trust, readable for apt's own user; `pip`, a pip.conf; `cargo`, a config.toml; `apt-sources`, a debian.sources.
ARG BASE_IMAGE=docker.io/library/python:3.11.16-slim-trixie@sha256:9534e5a8e315485d4061ed659af0fd78a284c015f9b73661b41d6bab25604534
# What brings cargo, for the compiled part: of the same Debian, whose C library the result is linked to. A base without a
# cargo gets Debian's own, so that this may be BASE_IMAGE.
ARG RUST_IMAGE=docker.io/library/rust:1.97.1-slim-trixie@sha256:8e8cf8f7fd54a2d23d5a743b3a03f56e26b6c774276c33fa0595111704ebb15c

# What builds, in a virtual environment of its own: nothing of it reaches the worker's.
FROM ${BASE_IMAGE} AS build
# Python's OpenSSL looks into a folder otherwise, and not into the file of certificates.
ENV PATH=/opt/build/bin:$PATH \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_QUIET=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
COPY requirements/build.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    python3 -m venv /opt/build; \
    pip install --require-hashes --requirement requirements/build.txt

# amazon-kclpy downloads KCL's jars while it is built. They are the listed ones, by their hashes, or the build ends here.
FROM build AS kcl
COPY requirements/runtime.txt requirements/
COPY consumer/__init__.py consumer/errors.py consumer/
COPY consumer/kcl/__init__.py consumer/kcl/
COPY consumer/kcl/jvm/__init__.py consumer/kcl/jvm/fetch_jars.py consumer/kcl/jvm/jars.py consumer/kcl/jvm/jars.txt consumer/kcl/jvm/
# A mirror of Maven Central; amazon-kclpy's build reads it.
ARG KCL_MVN_REPO_SEARCH_URL
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    python -m consumer.kcl.jvm.fetch_jars --requirements requirements/runtime.txt --wheels /kcl; \
    python -m zipfile --extract /kcl/amazon_kclpy-*.whl unpacked; \
    mkdir /kcl/jars; \
    mv unpacked/amazon_kclpy/jars/*.jar /kcl/jars/; \
    find /kcl -exec touch --no-dereference --date @0 {} +

FROM build AS packages
COPY --from=kcl /kcl/*.whl /kcl/
COPY requirements/runtime.txt requirements/
# hadolint ignore=DL3003
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    python3 -m venv --without-pip /opt/sanitizer; \
    pip --python /opt/sanitizer/bin/python install --no-compile --no-deps /kcl/*.whl; \
    pip --python /opt/sanitizer/bin/python install --no-compile --require-hashes --only-binary :all: \
        --report /src/installed.json --requirement requirements/runtime.txt; \
    cd /opt/sanitizer/lib/python3.*/site-packages; \
    rm -r amazon_kclpy/jars samples ../../../include; \
    find /opt/sanitizer/bin -mindepth 1 ! -name 'python*' -delete; \
    ln -s /opt/kcl/jars amazon_kclpy/jars

# Without what the worker never reads: tests, the symbols of compiled modules (7 MB), which a debugger would, pip's lists of
# files, the metadata of short numbers, and the descriptions of AWS's other services. Those kept are the ones that it calls,
# and the ones that its credentials may come from. Nor what packages bring along for what is never done here (11 MB): rich's
# colouring of source code and its Markdown, cffi's compiler (its compiled half stays, which cryptography uses), pydantic's
# copy of its first version. Compiled, since nothing can be written where it runs: a process starts in 0.5 s instead of
# 2 to 4 s. By unchecked hash, since a time would differ from build to build.
FROM packages AS trimmed
# hadolint ignore=DL3003,DL3008
RUN --mount=type=secret,id=apt-sources,target=/etc/apt/sources.list.d/debian.sources \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends binutils > /dev/null; \
    rm -rf /var/lib/apt/lists/*; \
    cd /opt/sanitizer/lib/python3.*/site-packages; \
    find botocore/data boto3/data -mindepth 1 -maxdepth 1 -type d \
        ! -name cloudwatch ! -name dynamodb ! -name glue ! -name kinesis ! -name kms ! -name secretsmanager \
        ! -name signin ! -name sso ! -name sso-oidc ! -name sts -exec rm -r {} +; \
    find . -type d \( -name tests -o -name examples \) -prune -exec rm -r {} +; \
    rm phonenumbers/shortdata/region_*.py; \
    rm -r cffi markdown_it mdurl pycparser pydantic/v1 pygments; \
    find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.interp' -o -name '*.tokens' -o -name RECORD \
        -o -name examples-1.json \) -delete; \
    find . -name '*.so' -exec strip --strip-unneeded {} +; \
    /opt/sanitizer/bin/python -m compileall -q --invalidation-mode unchecked-hash .; \
    find /opt/sanitizer -exec touch --no-dereference --date @0 {} +

FROM build AS maturin
COPY requirements/native.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    pip install --require-hashes --only-binary :all: --requirement requirements/native.txt

# The wheel of the compiled part, and what is said of the crates in it. maturin is a program that needs no Python; the paths
# are always the same, since they get into the result.
FROM ${RUST_IMAGE} AS native
ENV CARGO_HOME=/opt/cargo \
    CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
# hadolint ignore=DL3008
RUN --mount=type=secret,id=apt-sources,target=/etc/apt/sources.list.d/debian.sources \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    command -v cargo > /dev/null || { \
        apt-get update -qq; \
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends cargo > /dev/null; \
        rm -rf /var/lib/apt/lists/*; \
    }
COPY --from=maturin /opt/build/bin/maturin /usr/local/bin/
COPY native native
# hadolint ignore=DL3003
RUN --mount=type=secret,id=cargo,target=/opt/cargo/config.toml \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    maturin build --quiet --release --locked --compatibility linux --manifest-path native/Cargo.toml --out /native; \
    cargo metadata --quiet --locked --format-version 1 --manifest-path native/Cargo.toml \
        --filter-platform "$(rustc --print host-tuple)" > /native/metadata.json; \
    cp native/Cargo.lock /native/; \
    rustc --version > /native/rustc.txt; \
    cd /opt/cargo/registry/src/*/; \
    find . -maxdepth 2 -type f \( -iname '*licen[cs]e*' -o -iname '*copying*' -o -iname '*notice*' \) \
        -exec install -D --mode=0644 {} /native/crates/{} \;

# The modules that jdeps finds in KCL's jars; of java.desktop they use java.beans, which needs none of its native libraries.
# The symbols of the JVM, 5 MB, would name its functions in the report of a crash, which the daemon is told not to write.
FROM ${BASE_IMAGE} AS java
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# Slim bases come without manual pages, and Java's package links one into their folder. Versions are not pinned: Debian
# serves only the newest point release, which is the one with the security fixes.
# hadolint ignore=DL3008
RUN --mount=type=secret,id=apt-sources,target=/etc/apt/sources.list.d/debian.sources \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    mkdir -p /usr/share/man/man1; \
    apt-get update -qq; \
    apt-get install -qq --yes --no-install-recommends binutils openjdk-25-jdk-headless tini > /dev/null; \
    rm -rf /var/lib/apt/lists/*; \
    jlink --output /opt/java --compress zip-9 --strip-java-debug-attributes --no-header-files --no-man-pages \
        --exclude-files '/java.desktop/**.so' --add-modules \
        java.desktop,java.logging,java.management,java.naming,java.security.jgss,java.sql,java.xml,jdk.unsupported; \
    strip --strip-unneeded /opt/java/lib/server/libjvm.so; \
    /opt/java/bin/keytool -list -cacerts -storepass changeit -alias 'amazonrootca1 [jdk]' > /dev/null; \
    dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' openjdk-25-jdk-headless tini > /opt/debian.txt; \
    mkdir /opt/copyright; \
    for package in openjdk-25-jdk-headless tini; do \
        install -D --mode=0644 --target-directory="/opt/copyright/$package" "/usr/share/doc/$package/copyright"; \
    done
# Whatever is made by running this Java, and shipped with it, is made before here.
RUN find /opt/copyright /opt/java /usr/bin/tini -exec touch --no-dereference --date @0 {} +

# The base without what a worker has no use for: whoever gets into a container finds nothing to install with, and no program
# that makes its user another. dpkg's database stays, for scanners and the bill of materials. The official base comes
# without compiled modules, which cost each health check as much time as the check itself.
FROM ${BASE_IMAGE} AS bare
RUN set -eu; \
    library="$(python3 -c "import sysconfig; print(sysconfig.get_path('stdlib'))")"; \
    [ -n "$(find "$library/__pycache__" -name 'os.*.pyc')" ] || \
        python3 -m compileall -q --invalidation-mode unchecked-hash \
            -x '/(test|idlelib|lib2to3|tkinter|turtledemo|ensurepip|pydoc_data|site-packages)/' "$library"; \
    rm -rf "$library/ensurepip" "$library"/site-packages/* /usr/local/bin/pip* /usr/local/bin/wheel; \
    dpkg --purge --force-remove-essential --force-remove-protected apt > /dev/null; \
    rm -rf /etc/apt /var/cache/apt /var/lib/apt /var/log/* /usr/bin/dpkg* /usr/sbin/dpkg*; \
    find / -xdev -type f -perm /6000 -exec chmod ug-s {} +

FROM packages AS project
COPY requirements/sbom.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    pip install --require-hashes --only-binary :all: --requirement requirements/sbom.txt
ARG CREATED=1970-01-01T00:00:00Z
COPY --from=kcl /kcl /kcl
COPY --from=java /opt/debian.txt ./
COPY --from=native /native /native
COPY --from=bare /var/lib/dpkg/status /base/status
COPY pyproject.toml kinesis_sanitizer.py README.md LICENSE ./
COPY redaction redaction
COPY consumer consumer
COPY deploy/image/licences deploy/image/licences
COPY deploy/image/notices.py deploy/image/parts.py deploy/image/sbom.py deploy/image/spdx.py deploy/image/
RUN set -eu; \
    pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .; \
    pip --python /opt/sanitizer/bin/python install --no-compile --no-deps --root /out /native/*.whl /wheels/*.whl; \
    python -m compileall -q --invalidation-mode unchecked-hash -s /out /out/opt/sanitizer/lib; \
    cp LICENSE /out/opt/sanitizer/; \
    python -m deploy.image.notices --packages /opt/sanitizer/lib/python3.*/site-packages --jars /kcl/jars \
        --native /native --crates /native/crates > /out/opt/sanitizer/THIRD-PARTY-NOTICES; \
    python -m deploy.image.sbom --packages /opt/sanitizer/lib/python3.*/site-packages --report installed.json \
        --kcl /kcl --native /native --debian debian.txt --base /base/status --wheel /wheels/*.whl \
        --created "${CREATED}" > /out/opt/sanitizer/sbom.cdx.json; \
    find /out -exec touch --no-dereference --date @0 {} +

FROM packages AS local-packages
COPY requirements/local.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    pip --python /opt/sanitizer/bin/python install --no-compile --require-hashes --no-build-isolation \
        --requirement requirements/local.txt

# What the last two stages share.
FROM bare AS runtime
RUN set -eu; \
    echo 'sanitizer:x:10001:' >> /etc/group; \
    echo 'sanitizer:x:10001:10001::/nonexistent:/usr/sbin/nologin' >> /etc/passwd; \
    install --directory --owner=10001 --group=10001 --mode=0700 /run/sanitizer
COPY --from=java /opt/copyright /usr/share/doc
COPY --from=java /usr/bin/tini /usr/bin/tini
COPY --from=java /opt/java /opt/java
COPY --from=kcl /kcl/jars /opt/kcl/jars
ENV PATH=/opt/sanitizer/bin:$PATH \
    JAVA_HOME=/opt/java \
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
# A daemon that is killed leaves its children to process 1, which must reap them; with -s also where it is not process 1,
# as under `docker run --init` or ECS's initProcessEnabled.
ENTRYPOINT ["tini", "-s", "--", "sanitizer"]
CMD ["run"]

FROM runtime AS local
COPY --from=local-packages /opt/sanitizer /opt/sanitizer
COPY --from=project /out/ /

# What the daemon loads, and how it uses it, learnt from a worker under load: the cache holds for this Java and these jars at
# these paths alone, and for the worker's own jar. Of `local`, since the load is the benchmarks' and takes what those take;
# as root, who may write beside the jars, and so with a runtime folder of its own.
FROM local AS aot
# hadolint ignore=DL3002
USER 0
WORKDIR /src
COPY benchmarks benchmarks
COPY deploy/image/aot_cache.py deploy/image/
RUN set -eu; \
    env -u SANITIZER_RUNTIME_DIR python -m deploy.image.aot_cache; \
    touch --date @0 /opt/kcl/daemon.aot

FROM runtime AS worker
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG SOURCE=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="kinesis-sanitizer" \
      org.opencontainers.image.description="Reads transactions from Amazon Kinesis, removes the sensitive data, stores the rest in DynamoDB." \
      org.opencontainers.image.licenses="Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND EPL-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0 AND MIT AND MIT-0 AND MPL-2.0 AND PSF-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}"
# In layers of their own, the seldom changed first. The last but one holds the project's code, its compiled part
# and /opt/sanitizer/sbom.cdx.json; the last one's bytes differ from build to build.
COPY --from=trimmed /opt/sanitizer /opt/sanitizer
COPY --from=project /out/ /
COPY --from=aot /opt/kcl/daemon.aot /opt/kcl/daemon.aot

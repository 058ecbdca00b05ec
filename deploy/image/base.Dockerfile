# A base for the image where no registry can be reached, laid out like the official one of Python (docker.io/library/python,
# slim): CPython with pip, setuptools and wheel in /usr/local, no compiled module, no other Python. Its source is Debian's
# copy of the upstream release. Built by deploy/image/build.py in two minutes, hence with less optimisation.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE} AS python
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_ROOT_USER_ACTION=ignore \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
# hadolint ignore=DL3008
RUN --mount=type=secret,id=apt-sources,target=/etc/apt/sources.list.d/debian.sources \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > /etc/apt/sources.list.d/source.sources; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends gcc libbz2-dev libc6-dev libffi-dev \
        liblzma-dev libncurses-dev libreadline-dev libsqlite3-dev libssl-dev make pkgconf uuid-dev xz-utils zlib1g-dev \
        > /dev/null; \
    apt-get source -qq --download-only python3.13; \
    rm /etc/apt/sources.list.d/source.sources; \
    tar --extract --file python3.13_*.orig.tar.xz --strip-components 1
# What the official image is built with, but for its optimisations by profile and at link time. `make install` compiles
# all modules; that those that count are gone again is how the official one comes.
COPY requirements/build.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,mode=0444,target=/etc/ssl/certs/ca-certificates.crt \
    set -eu; \
    ./configure --quiet --enable-loadable-sqlite-extensions --enable-shared --with-ensurepip --disable-test-modules; \
    make --silent --jobs "$(nproc)" OPT="-DNDEBUG -O1" LDFLAGS="-Wl,--strip-all,-rpath='\$\$ORIGIN/../lib'" > /dev/null 2>&1; \
    make --silent install > /dev/null 2>&1; \
    pip3 install --quiet --no-cache-dir --no-compile --require-hashes --requirement requirements/build.txt; \
    find /usr/local -type f \( -name '*.pyc' -o -name 'libpython*.a' \) -delete; \
    ln --symbolic python3 /usr/local/bin/python

FROM ${DEBIAN_IMAGE}
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8
COPY --from=python /usr/local /usr/local
RUN ldconfig
CMD ["python3"]

#!/usr/bin/env bash
# Builds the image without a container engine and without an image registry. Needs Debian, root, and its packages buildah
# and mmdebstrap. The base image is made from Debian's own packages, unless BASE_IMAGE names one.
#
#   deploy/image/build-with-buildah.sh [TAG]              build; TAG defaults to kinesis-sanitizer:dev
#   deploy/image/build-with-buildah.sh --run TAG ARG...   run a command in it, as its user: --run TAG sanitizer --help
#
# IMAGE_STORE is where images are kept; default: a folder in the temporary directory. The machine's certificates and
# pip configuration are lent to the build as a mount, and are in no layer of the image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

store="${IMAGE_STORE:-${TMPDIR:-/tmp}/kinesis-sanitizer-images}"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah() { command buildah --root "$store/root" --runroot "$store/run" "$@"; }

make_base() {
    local container tar="$store/base.tar"
    mmdebstrap --quiet --mode=root --variant=minbase --include=python3,python3-venv,ca-certificates \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' bookworm "$tar"
    container="$(buildah from scratch)"
    buildah add --quiet "$container" "$tar" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" localhost/debian-python:bookworm >/dev/null
    rm "$tar"
}

if [[ "${1:-}" == --run ]]; then
    container="$(buildah from --pull=never "localhost/${2:?the tag}")"
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah run "$container" -- "${@:3}"
    exit
fi

mkdir -p "$store"
base="${BASE_IMAGE:-localhost/debian-python:bookworm}"
if [[ -z "${BASE_IMAGE:-}" ]] && ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    make_base
fi

lent="$(mktemp -d)"
trap 'rm -r "$lent"' EXIT
cp /etc/ssl/certs/ca-certificates.crt "$lent"
arguments=(--build-arg SSL_CERT_FILE=/mnt/ca-certificates.crt --build-arg PIP_CERT=/mnt/ca-certificates.crt)
if [[ -f /etc/pip.conf ]]; then
    cp /etc/pip.conf "$lent"
    arguments+=(--build-arg PIP_CONFIG_FILE=/mnt/pip.conf)
fi
# --format docker: the OCI format has no place for a health check.
buildah build --format docker --pull=never --volume "$lent:/mnt:ro" "${arguments[@]}" --build-arg "BASE_IMAGE=$base" \
    --tag "${1:-kinesis-sanitizer:dev}" .

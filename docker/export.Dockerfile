# docker build --file docker/export.Dockerfile --tag relight-export:0.1.0 .
# docker run --rm --gpus all --shm-size 1g --volume "$PWD/data:/work/data" --volume "$PWD/runs:/work/runs" \
#   relight-export:0.1.0 train data/rendered runs/drn-s
ARG DEBIAN=debian:13.6-slim@sha256:d7e12182ce18b85b93007c1dedf31f2d29e01ccf3182cc4017c709b6259bc132

FROM ${DEBIAN} AS python
# LLVM makes rendering a hundred times faster.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libllvm19 python3 \
 && rm -rf /var/lib/apt/lists/*

FROM python AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/relight

# Tools that list what an image holds; only their list gets into it.
FROM build AS sbom
COPY docker/requirements-sbom.txt docker/sbom.py /opt/sbom/
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement /opt/sbom/requirements-sbom.txt

FROM build AS dependencies
COPY docker/requirements-export.txt /tmp/
RUN /opt/build/bin/pip --python /opt/relight/bin/python install \
    --no-cache-dir --require-hashes --requirement /tmp/requirements-export.txt

FROM python AS export-image
ENV HOME=/tmp \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["/opt/relight/bin/python", "-m", "model_export"]
CMD ["--help"]
COPY --from=dependencies /opt/relight /opt/relight
# All packages: the exporter imports service.contract, and every package imports relight.
COPY model_export /opt/app/model_export
COPY relight /opt/app/relight
COPY service /opt/app/service
ARG VERSION=0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Relight export" \
      org.opencontainers.image.description="Renders, trains, evaluates and exports the models of Relight." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM sbom AS export-sbom
ARG VERSION=0.0
RUN --mount=type=bind,from=export-image,target=/image \
    /opt/build/bin/python /opt/sbom/sbom.py /image relight-export "${VERSION}" > /relight.cdx.json

FROM export-image AS export
COPY --from=export-sbom /relight.cdx.json /usr/share/sbom/relight.cdx.json

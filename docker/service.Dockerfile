# docker build --file docker/service.Dockerfile --target cpu --tag relight:cpu \
#   --build-arg VERSION="$(docker/version.sh)" .            --target cuda for the GPU image

# A newer base: `docker buildx imagetools inspect debian:TAG-slim` prints the digest of a tag.
ARG DEBIAN=debian:13.6-slim@sha256:d7e12182ce18b85b93007c1dedf31f2d29e01ccf3182cc4017c709b6259bc132

FROM ${DEBIAN} AS python
# Debian's mirrors keep one version of a package, so it cannot be pinned; the base can.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*

# Two environments: `build` has pip, `relight` is the one that the images contain.
FROM python AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/relight

FROM build AS app
WORKDIR /src
COPY docker/requirements-build.txt docker/
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement docker/requirements-build.txt
COPY LICENSE README.md pyproject.toml ./
COPY relight relight
COPY service service
# The models are in a separate layer, at /models. The build context has no .git.
ARG VERSION=0.0
RUN rm -r service/models \
 && SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION}" /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --target /opt/app /wheels/*.whl

# Tools that list what an image holds; only their list gets into it.
FROM build AS sbom
COPY docker/requirements-sbom.txt docker/sbom.py /opt/sbom/
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement /opt/sbom/requirements-sbom.txt

FROM python AS runtime
ENV MALLOC_ARENA_MAX=2 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    RELIGHT_HOST=0.0.0.0 \
    RELIGHT_MODELS_DIR=/models
EXPOSE 8000 9000
# A number, so that Kubernetes can verify that it is not root.
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s \
    CMD ["/opt/relight/bin/python", "-IS", "/opt/healthcheck.py"]
ENTRYPOINT ["/opt/relight/bin/python", "-m", "service"]
COPY docker/healthcheck.py /opt/healthcheck.py
# Other models: --build-arg MODELS=FOLDER, inside the build context.
ARG MODELS=service/models
COPY ${MODELS} /models
LABEL org.opencontainers.image.title="Relight" \
      org.opencontainers.image.description="Photos lit from another direction, at another colour temperature." \
      org.opencontainers.image.licenses="Apache-2.0"

FROM build AS cpu-dependencies
COPY docker/requirements-cpu.txt /tmp/
RUN /opt/build/bin/pip --python /opt/relight/bin/python install \
    --no-cache-dir --require-hashes --requirement /tmp/requirements-cpu.txt

FROM runtime AS cpu-image
COPY --from=cpu-dependencies /opt/relight /opt/relight
COPY --from=app /opt/app /opt/app
ARG VERSION=0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}-cpu" \
      org.opencontainers.image.revision="${REVISION}"

FROM sbom AS cpu-sbom
ARG VERSION=0.0
RUN --mount=type=bind,from=cpu-image,target=/image \
    /opt/build/bin/python /opt/sbom/sbom.py /image relight "${VERSION}-cpu" > /relight.cdx.json

FROM cpu-image AS cpu
COPY --from=cpu-sbom /relight.cdx.json /usr/share/sbom/relight.cdx.json

FROM build AS cuda-dependencies
COPY docker/requirements-cuda.txt /tmp/
RUN /opt/build/bin/pip --python /opt/relight/bin/python install \
    --no-cache-dir --require-hashes --requirement /tmp/requirements-cuda.txt

# CUDA 13 and cuDNN 9 are NVIDIA's wheels: only the libraries that ONNX Runtime requires, in the
# versions that it requires, pinned by hash. The driver is the host's.
FROM runtime AS cuda-image
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA=cuda>=13.0 \
    RELIGHT_REQUIRE_GPU=1
COPY --from=cuda-dependencies /opt/relight /opt/relight
COPY --from=app /opt/app /opt/app
ARG VERSION=0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}-cuda" \
      org.opencontainers.image.revision="${REVISION}"

FROM sbom AS cuda-sbom
ARG VERSION=0.0
RUN --mount=type=bind,from=cuda-image,target=/image \
    /opt/build/bin/python /opt/sbom/sbom.py /image relight "${VERSION}-cuda" > /relight.cdx.json

FROM cuda-image AS cuda
COPY --from=cuda-sbom /relight.cdx.json /usr/share/sbom/relight.cdx.json

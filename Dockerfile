# The appliance. Two targets: `cuda` (default) and `cpu`; docs/container.md has the commands.
#   docker build -t nlu-rl .                     docker build --target cpu -t nlu-rl:cpu .
# Each target is four stages: packages (slow, pinned), application, bundled models, and the slim image they are copied
# into, so that a change of the application rebuilds and ships a small layer. Nothing of a secret reaches a final stage.
ARG CPU_BASE_IMAGE=docker.io/library/debian:bookworm-slim
ARG CUDA_BASE_IMAGE=docker.io/nvidia/cuda:13.0.2-base-ubuntu24.04
ARG CUDA_DEVEL_IMAGE=docker.io/nvidia/cuda:13.0.2-devel-ubuntu24.04
# build: compile flash-attn (hours); wheel: take FLASH_ATTN_WHEEL, a URL; skip: PyTorch's own attention.
ARG FLASH_ATTN=build

# ---------------------------------------------------------------------------------------------------------- cpu
# Builders without BuildKit build every stage up to the target, so the CPU stages come first.
FROM ${CPU_BASE_IMAGE} AS cpu-packages
COPY docker/install-packages.sh pyproject.toml requirements.lock /build/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /build/install-packages.sh cpu

FROM cpu-packages AS cpu-app
COPY pyproject.toml README.md LICENSE /src/
COPY app /src/app
COPY recipes /src/recipes
COPY docker/install-app.sh docker/bundle-models.sh /build/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /build/install-app.sh

FROM cpu-app AS cpu-models
ARG BUNDLED_MODELS=smollm2-135m
ARG BUNDLE_FROM=index
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=hf_token,target=/run/secrets/hf_token \
    sh /build/bundle-models.sh

FROM ${CPU_BASE_IMAGE} AS cpu
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* \
 && useradd --uid 10001 --no-create-home --home-dir /data/home nlu \
 && mkdir -m 1777 /data
COPY --from=cpu-packages /opt/nlu-rl/venv /opt/nlu-rl/venv
COPY --from=cpu-models /opt/nlu-rl/models /opt/nlu-rl/models
COPY --from=cpu-app /opt/nlu-rl/app /opt/nlu-rl/app
ENV PATH=/opt/nlu-rl/app/bin:/opt/nlu-rl/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NLU_RL_HOME=/data NLU_RL_BUNDLED_MODELS=/opt/nlu-rl/models \
    USER=nlu LOGNAME=nlu HOME=/data/home TMPDIR=/data/tmp \
    XDG_CACHE_HOME=/data/cache XDG_CONFIG_HOME=/data/home/.config XDG_DATA_HOME=/data/home/.local/share \
    XDG_STATE_HOME=/data/home/.local/state HF_HOME=/data/data_cache/hf MPLCONFIGDIR=/data/cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/data/cache/torchinductor TRITON_CACHE_DIR=/data/cache/triton
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="nlu-rl" \
      org.opencontainers.image.description="Fine-tune a local LLM for language understanding; watch it, measure it, export it (CPU)" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=30s --start-period=30s CMD ["nlu-rl", "doctor", "--json"]
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/nlu-rl/venv/bin/python", "-P", "-m", "nlu_rl.supervisor"]

# --------------------------------------------------------------------------------------------------- flash-attn
FROM ${CUDA_BASE_IMAGE} AS flash-skip
RUN mkdir -p /wheels

FROM ${CUDA_BASE_IMAGE} AS flash-wheel
ARG FLASH_ATTN_WHEEL
# hadolint ignore=DL3020
ADD ${FLASH_ATTN_WHEEL} /wheels/

FROM ${CUDA_DEVEL_IMAGE} AS flash-build
# Architectures separated by ';': 80 is A100, 86 RTX 30, 89 RTX 40 and L4, 90 H100. A job takes about 4 GB of memory.
ARG FLASH_ATTN_ARCHS=80
ARG FLASH_ATTN_VERSION=2.8.3.post2
ARG MAX_JOBS=4
COPY docker/build-flash-attn.sh requirements.lock /build/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /build/build-flash-attn.sh

# hadolint ignore=DL3006
FROM flash-${FLASH_ATTN} AS flash

# --------------------------------------------------------------------------------------------------------- cuda
FROM ${CUDA_BASE_IMAGE} AS cuda-packages
COPY docker/install-packages.sh pyproject.toml requirements.lock /build/
COPY --from=flash /wheels /wheels
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /build/install-packages.sh cuda

FROM cuda-packages AS cuda-app
COPY pyproject.toml README.md LICENSE /src/
COPY app /src/app
COPY recipes /src/recipes
COPY docker/install-app.sh docker/bundle-models.sh /build/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /build/install-app.sh

FROM cuda-app AS cuda-models
ARG BUNDLED_MODELS=smollm2-135m
ARG BUNDLE_FROM=index
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=hf_token,target=/run/secrets/hf_token \
    sh /build/bundle-models.sh

FROM ${CUDA_BASE_IMAGE} AS cuda
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* \
 && useradd --uid 10001 --no-create-home --home-dir /data/home nlu \
 && mkdir -m 1777 /data
COPY --from=cuda-packages /opt/nlu-rl/venv /opt/nlu-rl/venv
COPY --from=cuda-models /opt/nlu-rl/models /opt/nlu-rl/models
COPY --from=cuda-app /opt/nlu-rl/app /opt/nlu-rl/app
ENV PATH=/opt/nlu-rl/app/bin:/opt/nlu-rl/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NLU_RL_HOME=/data NLU_RL_BUNDLED_MODELS=/opt/nlu-rl/models \
    USER=nlu LOGNAME=nlu HOME=/data/home TMPDIR=/data/tmp \
    XDG_CACHE_HOME=/data/cache XDG_CONFIG_HOME=/data/home/.config XDG_DATA_HOME=/data/home/.local/share \
    XDG_STATE_HOME=/data/home/.local/state HF_HOME=/data/data_cache/hf MPLCONFIGDIR=/data/cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/data/cache/torchinductor TRITON_CACHE_DIR=/data/cache/triton \
    CUDA_CACHE_PATH=/data/cache/nv
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="nlu-rl" \
      org.opencontainers.image.description="Fine-tune a local LLM for language understanding; watch it, measure it, export it (CUDA)" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=30s --start-period=30s CMD ["nlu-rl", "doctor", "--json"]
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/nlu-rl/venv/bin/python", "-P", "-m", "nlu_rl.supervisor"]

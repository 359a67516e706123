# The image of the controller and the agents: docker build -t anp:VERSION .
# libnftables and its Python binding have to be of one version, so both are Debian's, and Python with them.
ARG DEBIAN=debian:trixie-slim

FROM ${DEBIAN} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.lock ./
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/anp && /opt/anp/bin/pip install --constraint requirements.lock pip setuptools
COPY pyproject.toml README.md LICENSE ./
COPY compiler ./compiler
COPY enforcer ./enforcer
COPY anp ./anp
# What is built is what is tested: the versions of requirements.lock, and nothing fetched while building. In the end the
# tools that made the environment go, and bytecode comes, as nobody can write it later.
RUN /opt/anp/bin/pip install --constraint requirements.lock --no-build-isolation --only-binary :all: --no-binary anp . \
    && ln -s /usr/lib/python3/dist-packages/nftables "$(/opt/anp/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nftables" \
    && /opt/anp/bin/pip uninstall --yes setuptools pip \
    && /opt/anp/bin/python -m compileall -q /opt/anp/lib

FROM ${DEBIAN}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends nftables python3 python3-nftables \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/*
COPY --from=build /opt/anp /opt/anp
ENV PATH=/opt/anp/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Nobody in particular. The agent's pods say that they are root, with one capability.
USER 65532:65532
ENTRYPOINT ["anp"]
CMD ["--help"]

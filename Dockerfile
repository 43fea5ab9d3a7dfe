# TimingProxy as one native binary on a base without a shell.
#
#   docker build -t timingproxy .                              the machine's own architecture
#   docker build -t timingproxy --platform linux/arm64 .       or linux/amd64; compiled across, nothing is emulated
#
# It needs BuildKit (the default since Docker 23; DOCKER_BUILDKIT=1 before).

ARG DOTNET=10.0
ARG SDK=mcr.microsoft.com/dotnet/sdk:${DOTNET}-noble-aot
ARG BASE=mcr.microsoft.com/dotnet/runtime-deps:${DOTNET}-noble-chiseled

FROM --platform=$BUILDPLATFORM ${SDK} AS build
ARG BUILDARCH
ARG TARGETARCH
RUN if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
      case "$TARGETARCH" in arm64) cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;; amd64) cross="gcc-x86-64-linux-gnu libc6-dev-amd64-cross" ;; *) echo "no build for $TARGETARCH" >&2; exit 1 ;; esac; \
      apt-get update && apt-get install -y --no-install-recommends $cross && rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /source
# What restoring depends on comes first, so that a change of the source finds the packages in the layer cache.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY src/TimingProxy/TimingProxy.csproj src/TimingProxy/
RUN dotnet restore src/TimingProxy -a "$TARGETARCH"
COPY .editorconfig BannedSymbols.txt ./
COPY src/ src/
RUN dotnet publish src/TimingProxy -a "$TARGETARCH" -c Release --no-restore -o /out \
    && mkdir /layer && mv /out/timingproxy /layer/

FROM ${BASE}
LABEL org.opencontainers.image.title="TimingProxy" \
      org.opencontainers.image.description="Reverse-proxy sidecar that tells where the latency of a web app comes from" \
      org.opencontainers.image.licenses="MIT"
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /layer/ /app/
WORKDIR /app
# By number: Kubernetes' runAsNonRoot cannot look a name up.
USER 1654:1654
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/app/timingproxy", "health"]
ENTRYPOINT ["/app/timingproxy"]

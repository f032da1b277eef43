# partnergraph as an image of two files: the program, static and with the playground inside, and the certificates it knows vendors by.
#
#     docker build --build-arg VERSION="$(git describe --tags --always --dirty)" -t partnergraph .
#
# Both build stages run on the machine's own platform, whatever the image's: Go compiles for others by itself.

FROM --platform=$BUILDPLATFORM node:24.21.0 AS page
WORKDIR /src
COPY Makefile ./
COPY web web
COPY internal/playground internal/playground
RUN CI=true make page

FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=page /src/internal/playground/dist internal/playground/dist
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make build

# There is no HEALTHCHECK: with no shell and no curl here it would have to be the program asking itself. Whoever runs the container asks /readyz and
# /healthz over HTTP, as Kubernetes and load balancers do.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/partnergraph /partnergraph
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/partnergraph"]

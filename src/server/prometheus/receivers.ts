/** The protocols of the room `remote`, as routes: what others write to us and read from us. Bodies and answers pass as they are. */
import {
  DEFAULT_OTLP_SETTINGS,
  type DeltaToCumulative,
  MAX_OTLP_BODY_BYTES,
  MAX_READ_BODY_BYTES,
  type OtlpCounts,
  READ_LIMITS,
  receiveOtlp,
  remoteRead,
  type WriteReceiver,
} from '#remote'
import { Gate } from '../http/gate.ts'
import type { RawRoute } from '../http/raw-body.ts'
import type { ServerDeps } from '../types.ts'

/** Writes whose bodies are in memory; those that wait have sent nothing but their headers. */
const WRITES_AT_ONCE = 4
const WRITES_WAITING = 200
/** As Prometheus' `--storage.remote.read-concurrent-limit`. */
const READS_AT_ONCE = 10
const READS_WAITING = 200

/** Of a question that goes on to a remote engine. */
const READ_HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-read-version': '0.1.0',
}

export type RemoteReadLimits = { readonly samples: number; readonly frameBytes: number; readonly concurrent: number }

/** `POST /api/v1/write`: remote write 1.0 and 2.0. */
export function writeRoute(receiver: WriteReceiver): RawRoute {
  return {
    paths: ['/api/v1/write'],
    maxBytes: receiver.limits.bodyBytes,
    gate: new Gate(WRITES_AT_ONCE, WRITES_WAITING),
    handle: (request) => receiver.receive(request),
    tooLarge: () => receiver.refuseBody(),
  }
}

/** `POST /api/v1/read`. */
export function readRoute(deps: ServerDeps, limits: RemoteReadLimits | undefined): RawRoute {
  const reader = {
    store: deps.store,
    externalLabels: () => deps.plan().externalLabels,
    limits: limits ?? READ_LIMITS,
  }
  return {
    paths: ['/api/v1/read'],
    maxBytes: MAX_READ_BODY_BYTES,
    gate: new Gate(limits?.concurrent ?? READS_AT_ONCE, READS_WAITING),
    handle: async (request, signal) =>
      deps.forward === undefined
        ? remoteRead(reader, request, signal())
        : deps.forward({ path: '/read', body: request.body, headers: READ_HEADERS }, signal()),
  }
}

/**
 * `POST /api/v1/otlp/v1/metrics`, and where exporters of OpenTelemetry send by themselves: metrics over OTLP/HTTP. `deltas`: what makes sums
 * of differences, where that is switched on.
 */
export function otlpRoute(deps: ServerDeps, counts: OtlpCounts, deltas: DeltaToCumulative | undefined): RawRoute {
  const { features } = deps
  const receiver = {
    ...deps,
    settings: () => deps.plan().otlp ?? DEFAULT_OTLP_SETTINGS,
    typeAndUnitLabels: features.has('type-and-unit-labels'),
    takesDeltas: features.has('otlp-native-delta-ingestion'),
    zeroAtStart: features.has('created-timestamp-zero-ingestion'),
    ...(deltas === undefined ? {} : { deltas }),
  }
  return {
    paths: ['/api/v1/otlp/v1/metrics', '/v1/metrics'],
    maxBytes: MAX_OTLP_BODY_BYTES,
    gate: new Gate(WRITES_AT_ONCE, WRITES_WAITING),
    handle: (request) => receiveOtlp(receiver, request, counts),
  }
}

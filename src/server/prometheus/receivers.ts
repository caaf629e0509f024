/** The protocols of the room `remote`, as routes: what others write to us and read from us. Bodies and answers pass as they are. */
import {
  MAX_READ_BODY_BYTES,
  MAX_WRITE_BODY_BYTES,
  READ_LIMITS,
  receiveWrite,
  remoteRead,
  type WriteCounts,
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

export type RemoteReadLimits = { readonly samples: number; readonly frameBytes: number; readonly concurrent: number }

/** `POST /api/v1/write`: remote write 1.0 and 2.0. */
export function writeRoute(deps: ServerDeps, counts: WriteCounts): RawRoute {
  const receiver = { ...deps, typeAndUnitLabels: deps.features.has('type-and-unit-labels') }
  return {
    paths: ['/api/v1/write'],
    maxBytes: MAX_WRITE_BODY_BYTES,
    gate: new Gate(WRITES_AT_ONCE, WRITES_WAITING),
    handle: (request) => receiveWrite(receiver, request, counts),
  }
}

/** `POST /api/v1/read`. */
export function readRoute(deps: ServerDeps, limits: RemoteReadLimits | undefined): RawRoute {
  const gate = new Gate(limits?.concurrent ?? READS_AT_ONCE, READS_WAITING)
  const reader = {
    store: deps.store,
    externalLabels: () => deps.plan().externalLabels,
    gate,
    limits: limits ?? READ_LIMITS,
  }
  return {
    paths: ['/api/v1/read'],
    maxBytes: MAX_READ_BODY_BYTES,
    // Questions are small; how many are answered at once is the reader's own gate.
    gate: new Gate(2 * READS_WAITING, 0),
    handle: (request, signal) => remoteRead(reader, request, signal),
  }
}

/** The protocols of the room `remote`, as routes: what others write to us. Bodies and answers pass as they are. */
import { MAX_WRITE_BODY_BYTES, receiveWrite, type WriteCounts } from '#remote'
import { Gate } from '../http/gate.ts'
import type { RawRoute } from '../http/raw-body.ts'
import type { ServerDeps } from '../types.ts'

/** Writes whose bodies are in memory; those that wait have sent nothing but their headers. */
const WRITES_AT_ONCE = 4
const WRITES_WAITING = 200

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

export { createServer, type RunningServer, type ServerOptions } from './server.ts'
export type * from './types.ts'
export type * from './wire.ts'
export { PART_STATES } from './wire.ts'

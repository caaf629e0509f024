export type * from './types.ts'
export type * from './wire.ts'
export { PART_STATES } from './wire.ts'

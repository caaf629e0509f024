export type * from './types.ts'
export { INCIDENT_STATES, MODES, TIMELINE_KINDS } from './types.ts'

export { decide, type LoopEvent } from './decide.ts'
export { type Facts, type Judgement, judge, type Proposal, RAILS, type RailVerdict } from './rails.ts'
export {
  type Counters,
  createResponder,
  type Responder,
  type ResponderEvent,
  type ResponderOptions,
} from './responder.ts'
export { commandRuntime } from './runtimes/command.ts'
export { memoryRuntime } from './runtimes/memory-runtime.ts'
export { pm2Runtime } from './runtimes/pm2.ts'
export { createRuntime } from './runtimes/runtimes.ts'
export type * from './types.ts'
export { INCIDENT_STATES, MODES, TIMELINE_KINDS } from './types.ts'

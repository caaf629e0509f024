export { type StateCase, stateConformance } from './conformance.ts'
export { copySqliteState } from './copy-state.ts'
export { memoryState } from './memory-state.ts'
export { openSqliteState, type SqliteStateOptions } from './sqlite-state.ts'
export {
  type AuditEntry,
  type AuditVerdict,
  DEFAULT_LIST_LIMIT,
  type Fact,
  type Json,
  type ListOptions,
  type State,
  type Write,
} from './types.ts'

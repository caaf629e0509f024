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

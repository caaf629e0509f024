export type * from './types.ts'
export { RELABEL_ACTIONS } from './types.ts'

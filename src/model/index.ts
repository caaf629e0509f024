export type * from './plan.ts'
export { PART_KINDS } from './plan.ts'

export { createCollector } from './create-collector.ts'
export type * from './types.ts'

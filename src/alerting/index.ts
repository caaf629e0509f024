export { OUTBOX, outboxWrite, UNDELIVERED } from './outbox.ts'
export type * from './types.ts'

/** The stub speaks the server's own types, so that what compiles here is what the server sends. */
export type * from '../src/api/wire.ts'

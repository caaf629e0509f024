/** The newest samples: the door of `head/`. */
export { allNames, allValues } from './head/all-labels.ts'
export { Head } from './head/head.ts'
export { type HeadKnown, HeadMirror, type HeadPieces, NotSharedError, nothingOfHead } from './head/head-mirror.ts'
export type { Found, HeadReader } from './head/head-reader.ts'
export { keyOf } from './head/selections.ts'
export type { HeadView } from './head/views.ts'

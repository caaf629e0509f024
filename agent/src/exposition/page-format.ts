/** The three formats a page is written in; versions of a format are written alike (see `accept.ts`). */
export const PAGE_FORMATS = ['text', 'openmetrics', 'protobuf'] as const
export type PageFormat = (typeof PAGE_FORMATS)[number]

/** Flags of the commands that work on a data directory: import, backup, restore. Apart, so that the short commands load no room. */
import type { Flag } from './options.ts'

export const IMPORT_FLAGS: readonly Flag[] = [
  { name: 'from-prometheus', value: 'DIR', help: 'the data directory of a stopped Prometheus, or a snapshot of it' },
  { name: 'data', value: 'DIR', default: '.assay', aliases: ['storage.tsdb.path'], help: 'where everything is kept' },
  { name: 'json', help: 'print JSON' },
]

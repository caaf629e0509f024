/** Flags of the commands that work on a data directory: import, backup, restore. Apart, so that the short commands load no room. */
import type { Flag } from './options.ts'

const DATA: Flag = {
  name: 'data',
  value: 'DIR',
  default: '.assay',
  aliases: ['storage.tsdb.path'],
  help: 'where everything is kept',
}

export const IMPORT_FLAGS: readonly Flag[] = [
  { name: 'from-prometheus', value: 'DIR', help: 'the data directory of a stopped Prometheus, or a snapshot of it' },
  DATA,
  { name: 'json', help: 'print JSON' },
]

export const BACKUP_FLAGS: readonly Flag[] = [
  {
    name: 'url',
    value: 'URL',
    help: 'a running assay, started with --web.enable-admin-api (127.0.0.1:2424 when one has the data directory)',
  },
  DATA,
  { name: 'json', help: 'print JSON' },
]

export const RESTORE_FLAGS: readonly Flag[] = [
  { ...DATA, help: 'the data directory that it becomes; empty, or not there yet' },
  { name: 'json', help: 'print JSON' },
]

/**
 * PostgreSQL's facts as a page. Names are postgres_exporter's, so that dashboards and alerts made for it work.
 *
 * - Every state and every lock mode is written, with 0 when there is none: a series that comes and goes cannot be compared.
 */
import { PageWriter } from '#core'

type Row = Readonly<Record<string, unknown>>
/** Rows of the five questions, in their order. */
export type PostgresFacts = {
  readonly server: Row
  readonly activity: readonly Row[]
  readonly database: Row
  readonly locks: readonly Row[]
  readonly replicas: readonly Row[]
}

const STATES = [
  'active',
  'idle',
  'idle in transaction',
  'idle in transaction (aborted)',
  'fastpath function call',
  'disabled',
]
const LOCK_MODES = [
  'accesssharelock',
  'rowsharelock',
  'rowexclusivelock',
  'shareupdateexclusivelock',
  'sharelock',
  'sharerowexclusivelock',
  'exclusivelock',
  'accessexclusivelock',
  'sireadlock',
]
const DATABASE_COUNTERS: readonly (readonly [string, string])[] = [
  ['xact_commit', 'Transactions committed.'],
  ['xact_rollback', 'Transactions rolled back.'],
  ['blks_read', 'Blocks read from disk.'],
  ['blks_hit', 'Blocks found in the buffer cache.'],
  ['tup_returned', 'Rows returned by queries.'],
  ['tup_fetched', 'Rows fetched by queries.'],
  ['tup_inserted', 'Rows inserted.'],
  ['tup_updated', 'Rows updated.'],
  ['tup_deleted', 'Rows deleted.'],
  ['conflicts', 'Queries cancelled because of recovery on a replica.'],
  ['temp_files', 'Temporary files made by queries.'],
  ['temp_bytes', 'Bytes written to temporary files by queries.'],
  ['deadlocks', 'Deadlocks detected.'],
  ['blk_read_time', 'Milliseconds spent reading blocks; 0 unless track_io_timing is on.'],
  ['blk_write_time', 'Milliseconds spent writing blocks; 0 unless track_io_timing is on.'],
]

export function postgresPage({ server, activity, database, locks, replicas }: PostgresFacts): string {
  const datname = String(server['datname'])
  const page = new PageWriter()
  page.single('pg_up', 'gauge', 'Whether the database answered.', 1)
  const version = String(server['version'])
  page
    .family('pg_static', 'gauge', 'Version of the server.')
    .sample(1, { version, short_version: /^[\d.]*/.exec(version)?.[0] ?? '' })
  page.single('pg_postmaster_start_time_seconds', 'gauge', 'When the server was started.', number(server, 'start_time'))
  page.single(
    'pg_settings_max_connections',
    'gauge',
    'Most connections the server takes.',
    number(server, 'max_connections'),
  )
  page.single(
    'pg_settings_superuser_reserved_connections',
    'gauge',
    'Connections kept free for superusers.',
    number(server, 'reserved_connections'),
  )
  page.single(
    'assay_postgres_server_connections',
    'gauge',
    'Connections of all databases of the server.',
    number(server, 'server_connections'),
  )
  page.family('pg_database_size_bytes', 'gauge', 'Size on disk.').sample(number(server, 'size_bytes'), { datname })
  page.family('pg_database_connection_limit', 'gauge', 'Most connections of this database; -1: no limit of its own.')
  page.sample(number(server, 'connection_limit'), { datname })
  writeActivity(page, activity, datname)
  page
    .family('pg_stat_database_numbackends', 'gauge', 'Sessions of this database.')
    .sample(number(database, 'numbackends'), { datname })
  for (const [column, help] of DATABASE_COUNTERS) {
    page.family(`pg_stat_database_${column}`, 'counter', help).sample(number(database, column), { datname })
  }
  writeLocks(page, locks, datname)
  page.single(
    'pg_replication_is_replica',
    'gauge',
    'Whether this server follows another one.',
    server['is_replica'] === true ? 1 : 0,
  )
  page.single('pg_replication_lag_seconds', 'gauge', 'How far this replica is behind.', number(server, 'lag_seconds'))
  if (replicas.length > 0) {
    page.family('pg_stat_replication_pg_wal_lsn_diff', 'gauge', 'Bytes a replica is behind.')
    const behind = new Map<string, number>()
    for (const row of replicas) {
      const name = String(row['name'])
      behind.set(name, Math.max(behind.get(name) ?? 0, number(row, 'lag_bytes') ?? 0))
    }
    for (const [name, bytes] of behind) page.sample(bytes, { application_name: name })
  }
  return String(page)
}

function writeActivity(page: PageWriter, activity: readonly Row[], datname: string): void {
  const rows = new Map(activity.map((row) => [String(row['state']), row]))
  const states = [...new Set([...STATES, ...rows.keys()])]
  page.family('pg_stat_activity_count', 'gauge', 'Connections by state.')
  for (const state of states) page.sample(number(rows.get(state) ?? {}, 'count') ?? 0, { datname, state })
  page.family('pg_stat_activity_max_tx_duration', 'gauge', 'Age of the longest open transaction, in seconds.')
  for (const state of states) page.sample(number(rows.get(state) ?? {}, 'oldest_seconds') ?? 0, { datname, state })
}

function writeLocks(page: PageWriter, locks: readonly Row[], datname: string): void {
  const rows = new Map(locks.map((row) => [String(row['mode']), row]))
  page.family('pg_locks_count', 'gauge', 'Locks held or waited for, by mode.')
  for (const mode of new Set([...LOCK_MODES, ...rows.keys()]))
    page.sample(number(rows.get(mode) ?? {}, 'count') ?? 0, { datname, mode })
  const waiting = locks.reduce((sum, row) => sum + (number(row, 'waiting') ?? 0), 0)
  page.family('assay_postgres_locks_waiting', 'gauge', 'Locks that someone waits for.').sample(waiting, { datname })
}

function number(row: Row, column: string): number | undefined {
  const value = row[column]
  return typeof value === 'number' ? value : undefined
}

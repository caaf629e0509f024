/**
 * What is asked of PostgreSQL: one round trip, read only, in a transaction with its own time limit.
 *
 * - About the database of the URL, not the whole server, so that three databases of one server are not counted thrice;
 *   what belongs to the server (limits, start, version) says so.
 * - PostgreSQL 10 and newer. The user needs to connect, and `pg_monitor` to see the sessions of others.
 */

/** Below every usual scrape timeout, so that a hung statistics view is an error of ours and no pile of sessions. */
const STATEMENT_TIMEOUT_MS = 4000

const SERVER = `select current_database() as datname,
  current_setting('max_connections')::float8 as max_connections,
  current_setting('superuser_reserved_connections')::float8 as reserved_connections,
  (select count(*)::float8 from pg_stat_activity where backend_type = 'client backend') as server_connections,
  current_setting('server_version') as version,
  extract(epoch from pg_postmaster_start_time())::float8 as start_time,
  pg_is_in_recovery() as is_replica,
  case when not pg_is_in_recovery() then null
    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
    else greatest(0, extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())) end::float8 as lag_seconds,
  pg_database_size(current_database())::float8 as size_bytes,
  (select datconnlimit::float8 from pg_database where datname = current_database()) as connection_limit`

const ACTIVITY = `select coalesce(state, 'unknown') as state, count(*)::float8 as count,
  coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 as oldest_seconds
  from pg_stat_activity where datname = current_database() and backend_type = 'client backend' group by 1`

const DATABASE = `select numbackends::float8, xact_commit::float8, xact_rollback::float8, blks_read::float8, blks_hit::float8,
  tup_returned::float8, tup_fetched::float8, tup_inserted::float8, tup_updated::float8, tup_deleted::float8,
  conflicts::float8, temp_files::float8, temp_bytes::float8, deadlocks::float8, blk_read_time::float8, blk_write_time::float8
  from pg_stat_database where datname = current_database()`

const LOCKS = `select lower(mode) as mode, count(*)::float8 as count, (count(*) filter (where not granted))::float8 as waiting
  from pg_locks where database = (select oid from pg_database where datname = current_database()) group by 1`

const REPLICAS = `select coalesce(application_name, '') as name,
  pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 as lag_bytes
  from pg_stat_replication where not pg_is_in_recovery() and replay_lsn is not null`

/** One text of several statements; the answer is a list with an entry for each. */
export const FACTS = [
  'begin transaction read only',
  `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
  SERVER,
  ACTIVITY,
  DATABASE,
  LOCKS,
  REPLICAS,
  'commit',
].join(';\n')
/** Where the answers of SERVER and those after it stand in that list. */
export const FIRST_ANSWER = 2

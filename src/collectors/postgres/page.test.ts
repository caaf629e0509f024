import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postgresPage } from './page.ts'

const FACTS = {
  server: {
    datname: 'shop',
    max_connections: 100,
    reserved_connections: 3,
    server_connections: 7,
    version: '18.4 (Debian 18.4-1)',
    start_time: 1.7e9,
    is_replica: false,
    lag_seconds: null,
    size_bytes: 8e6,
    connection_limit: -1,
  },
  activity: [
    { state: 'idle', count: 4, oldest_seconds: 0 },
    { state: 'waiting for a new name', count: 1, oldest_seconds: 3 },
  ],
  database: { numbackends: 5, xact_commit: 10 },
  locks: [{ mode: 'accesssharelock', count: 2, waiting: 1 }],
  replicas: [
    { name: 'standby', lag_bytes: 10 },
    { name: 'standby', lag_bytes: 30 },
  ],
}

test('every state is written, the empty ones as 0 and unknown ones as they are', () => {
  const page = postgresPage(FACTS)
  assert.match(page, /^pg_stat_activity_count\{datname="shop",state="idle"\} 4$/m)
  assert.match(page, /^pg_stat_activity_count\{datname="shop",state="active"\} 0$/m)
  assert.match(page, /^pg_stat_activity_count\{datname="shop",state="idle in transaction \(aborted\)"\} 0$/m)
  assert.match(page, /^pg_stat_activity_count\{datname="shop",state="waiting for a new name"\} 1$/m)
  assert.match(page, /^pg_locks_count\{datname="shop",mode="exclusivelock"\} 0$/m)
})

test('what the server does not tell is left out, never 0', () => {
  const page = postgresPage(FACTS)
  assert.doesNotMatch(page, /^pg_replication_lag_seconds/m)
  assert.doesNotMatch(page, /^pg_stat_database_deadlocks\{/m)
  assert.match(
    postgresPage({ ...FACTS, server: { ...FACTS.server, is_replica: true, lag_seconds: 2.5 } }),
    /^pg_replication_lag_seconds 2\.5$/m,
  )
})

test('the version and the worst lag of replicas of one name are told', () => {
  const page = postgresPage(FACTS)
  assert.match(page, /^pg_static\{version="18\.4 \(Debian 18\.4-1\)",short_version="18\.4"\} 1$/m)
  assert.match(page, /^pg_stat_replication_pg_wal_lsn_diff\{application_name="standby"\} 30$/m)
})

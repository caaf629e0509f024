/**
 * The company, started: databases, broker, storage, the three services, the load. All at once; the services wait for what they need.
 *
 * Nothing here knows assay but the agent's settings in the services' environment: the company runs without it.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { signToken } from './company/base/tokens.ts'
import { meshOf } from './company/mes/mesh.ts'
import { calibrate } from './company/mes/slicing.ts'
import type { Grip, Stoppable } from './faults/fault.ts'
import { type Pm2, type Service, startPm2 } from './parts/pm2.ts'
import { connect, postgresUrl, startPostgres } from './parts/postgres.ts'
import { startRabbitmq } from './parts/rabbitmq.ts'
import { S3_CREDENTIALS, startS3 } from './parts/s3.ts'
import type { Ports } from './ports.ts'
import { type Child, startChild } from './processes/child.ts'
import type { DataDir } from './processes/data-dir.ts'

export const BUCKET = 'models'
/** CPU time of one price: one process can answer some 90 a second on a machine of its own. */
const PRICE_CPU_MS = 10
const PARTNERS = 12
const MONITOR = 'monitor'
const YEAR_MS = 365 * 24 * 3600_000

export type PartStatus = {
  readonly name: string
  readonly state: 'starting' | 'up' | 'down'
  readonly pids: readonly number[]
  readonly address: string
}

export type Report = (part: string, address: string, tookMs: number) => void

export interface Company extends AsyncDisposable {
  readonly grip: Grip
  readonly parts: () => readonly PartStatus[]
  readonly load: Child | undefined
}

/** Rejects with the first part's error, having stopped what had come up. */
export async function startCompany(options: {
  readonly data: DataDir
  readonly ports: Ports
  readonly load: boolean
  readonly boardFile: string
  readonly report: Report
  readonly signal: AbortSignal
}): Promise<Company> {
  const { data, ports, boardFile, report } = options
  await using owned = new AsyncDisposableStack()
  // One part's failure stops the starting of the others; later it means nothing.
  const failing = new AbortController()
  const signal = AbortSignal.any([options.signal, failing.signal])
  const { place, path } = data
  const password = (of: string) => data.secret(of)
  const began = performance.now()
  const known = new Map<string, { address: string; up: boolean; pids: () => readonly number[] }>()
  const coming = async <T>(
    name: string,
    address: string,
    start: () => Promise<T>,
    pids: (started: T) => readonly number[],
  ): Promise<T> => {
    known.set(name, { address, up: false, pids: () => [] })
    const started = await start()
    known.set(name, { address, up: true, pids: () => pids(started) })
    report(name, address, performance.now() - began)
    return started
  }

  const monitor = { name: MONITOR, password: password(MONITOR) }
  const server = (name: string, port: number, databases: readonly string[], maxConnections: number) =>
    restartable(() =>
      startPostgres({
        name,
        place,
        dir: join(path, name),
        port,
        password: password(`${name}-admin`),
        databases: databases.map((database) => ({ name: database, password: password(database) })),
        monitor,
        maxConnections,
        signal,
      }),
    )
  const postgres = owned.use(server('postgres', ports.postgres, ['shop', 'mes'], 60))
  // A server of its own, so that it can really be stopped while shop and mes go on.
  const crmPostgres = owned.use(server('crm-postgres', ports.crmPostgres, ['crm'], 40))
  const broker = owned.use(
    restartable(() =>
      startRabbitmq({
        place,
        dir: join(path, 'rabbitmq'),
        ports,
        user: 'company',
        password: password('rabbitmq'),
        signal,
      }),
    ),
  )
  const local = (port: number) => `127.0.0.1:${port}`
  const pidOf = (child: Child) => (child.alive() ? [child.pid] : [])

  const runtime = {
    pm2: undefined as Pm2 | undefined,
    dispose: async () => runtime.pm2?.[Symbol.asyncDispose](),
  }
  owned.defer(runtime.dispose)

  const starting = [
    coming(
      'postgres',
      local(ports.postgres),
      () => postgres.start(),
      () => postgres.pids(),
    ),
    coming(
      'crm-postgres',
      local(ports.crmPostgres),
      () => crmPostgres.start(),
      () => crmPostgres.pids(),
    ),
    coming(
      'rabbitmq',
      local(ports.amqp),
      () => broker.start(),
      () => broker.pids(),
    ),
    coming(
      's3',
      local(ports.s3),
      async () => owned.use(await startS3({ place, dir: join(path, 's3'), port: ports.s3, bucket: BUCKET, signal })),
      ({ child }) => pidOf(child),
    ),
    startServices(),
  ]

  async function startServices(): Promise<void> {
    const services = servicesOf(data, ports, boardFile)
    for (const { name } of services)
      known.set(name, { address: local(ports[name as 'shop' | 'crm' | 'mes']), up: false, pids: () => [] })
    const daemon = coming(
      'pm2',
      join(path, 'pm2'),
      async () => {
        const pm2 = await startPm2({ place, home: join(path, 'pm2'), services, signal })
        runtime.pm2 = pm2
        return pm2
      },
      (started) => [started.daemonPid],
    )
    const answering = services.map(({ name }) => {
      const port = ports[name as 'shop' | 'crm' | 'mes']
      const up = () => untilHealthy(`http://127.0.0.1:${port}/health`, signal)
      return coming(name, local(port), up, () => runtime.pm2?.pids(name) ?? [])
    })
    await Promise.all([daemon, ...answering])
  }

  try {
    await Promise.all(starting)
  } catch (cause) {
    failing.abort()
    await Promise.allSettled(starting)
    throw cause
  }
  const load = options.load ? owned.use(await startLoad(data, ports, boardFile)) : undefined
  const grip: Grip = {
    crmDatabase: crmPostgres,
    broker,
    admin: (database) => connect({ port: ports.postgres, password: password('postgres-admin'), database }),
    storage: { endpoint: `http://127.0.0.1:${ports.s3}`, ...S3_CREDENTIALS },
    bucket: BUCKET,
  }
  const all = owned.move()
  return {
    grip,
    load,
    parts: () =>
      [...known].map(([name, { address, up, pids }]) => {
        const running = pids()
        return { name, state: running.length > 0 ? 'up' : up ? 'down' : 'starting', pids: running, address }
      }),
    async [Symbol.asyncDispose]() {
      await load?.[Symbol.asyncDispose]()
      // Side by side, as the broker alone takes six seconds; the databases last, so that the services end in peace.
      await Promise.allSettled([runtime.dispose(), broker.stop()])
      await all.disposeAsync()
    },
  }
}

/** For assay's definition: where everything is, with the credentials of the monitor alone. */
export function watchEnvOf(data: DataDir, ports: Ports): Readonly<Record<string, string>> {
  const database = (port: number, name: string) => postgresUrl(port, MONITOR, data.secret(MONITOR), name)
  return {
    SHOP_DB_URL: database(ports.postgres, 'shop'),
    MES_DB_URL: database(ports.postgres, 'mes'),
    CRM_DB_URL: database(ports.crmPostgres, 'crm'),
    RABBITMQ_URL: `http://company:${data.secret('rabbitmq')}@127.0.0.1:${ports.management}`,
    RABBITMQ_METRICS_URL: `http://127.0.0.1:${ports.prometheus}/metrics`,
    S3_ENDPOINT: `http://127.0.0.1:${ports.s3}`,
    S3_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    S3_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
    PM2_HOME: join(data.path, 'pm2'),
    PM2_DISABLE_VERSION_CHECK: '1',
    DEMO_PORT: String(ports.assay),
  }
}

function servicesOf(data: DataDir, ports: Ports, boardFile: string): readonly Service[] {
  const work = Math.round(workPerMs(join(data.path, 'work-per-ms')) * PRICE_CPU_MS)
  const shared = {
    COMPANY_SECRET: data.secret('company'),
    FAULTS_FILE: boardFile,
    AMQP_URL: `amqp://company:${data.secret('rabbitmq')}@127.0.0.1:${ports.amqp}`,
    S3_ENDPOINT: `http://127.0.0.1:${ports.s3}`,
    S3_BUCKET: BUCKET,
    S3_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    S3_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
  }
  const agent = (port: number, more: Readonly<Record<string, string>> = {}) => ({
    ASSAY_AGENT_LISTEN: `127.0.0.1:${port}`,
    ...more,
  })
  return [
    {
      name: 'shop',
      instances: 1,
      script: 'shop/main.ts',
      env: {
        ...shared,
        ...agent(ports.shopAgent),
        PORT: String(ports.shop),
        SHOP_DB_URL: postgresUrl(ports.postgres, 'shop', data.secret('shop'), 'shop'),
        MES_URL: `http://127.0.0.1:${ports.mes}`,
      },
    },
    {
      name: 'crm',
      instances: 2,
      script: 'crm/main.ts',
      env: {
        ...shared,
        ...agent(ports.crmAgent),
        PORT: String(ports.crm),
        CRM_DB_URL: postgresUrl(ports.crmPostgres, 'crm', data.secret('crm'), 'crm'),
      },
    },
    {
      name: 'mes',
      instances: 1,
      script: 'mes/main.ts',
      env: {
        ...shared,
        ...agent(ports.mesAgent, { ASSAY_CHANNELS: JSON.stringify({ internal: ['127.0.1.0/24'], open: 'rest' }) }),
        PORT: String(ports.mes),
        MES_DB_URL: postgresUrl(ports.postgres, 'mes', data.secret('mes'), 'mes'),
        MES_WORK: String(work),
      },
    },
  ]
}

/** Measured at the first start and kept: the machine stays the same, and the second start is in a hurry. */
function workPerMs(file: string): number {
  if (existsSync(file)) {
    const kept = Number(readFileSync(file, 'utf8'))
    if (Number.isFinite(kept) && kept > 0) return kept
  }
  const meshes = Array.from({ length: 7 }, (_, i) =>
    meshOf({ width: 15 + i * 11, depth: 70 - i * 7, height: 20 + i * 9, twist: i * 12 }),
  )
  const cpuNow = () => {
    // The sum is exact; the split into the two is counted in ticks of milliseconds.
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  const work = calibrate({ cpuMs: 1, meshes, cpuNow })
  writeFileSync(file, String(work))
  return work
}

function startLoad(data: DataDir, ports: Ports, boardFile: string): Promise<Child> {
  const secret = data.secret('company')
  const keys = Array.from({ length: PARTNERS }, (_, i) => signToken(`partner-${i + 1}`, secret, Date.now() + YEAR_MS))
  return startChild(data.place, {
    name: 'load',
    argv: [process.execPath, '--conditions=assay-src', fileURLToPath(new URL('./load/main.ts', import.meta.url))],
    heartbeat: true,
    patienceMs: 1000,
    env: {
      FAULTS_FILE: boardFile,
      SHOP_URL: `http://127.0.0.1:${ports.shop}`,
      CRM_URL: `http://127.0.0.1:${ports.crm}`,
      MES_URL: `http://127.0.0.1:${ports.mes}`,
      PARTNER_KEYS: keys.join(','),
    },
  })
}

/** A part that can be stopped and started again while the company runs; disposed, it stays stopped. */
function restartable<T extends AsyncDisposable & { readonly child: Child }>(
  startOne: () => Promise<T>,
): Stoppable & AsyncDisposable & { pids(): readonly number[] } {
  let current: T | undefined
  const stop = async () => {
    const running = current
    current = undefined
    await running?.[Symbol.asyncDispose]()
  }
  return {
    stop,
    start: async () => {
      current ??= await startOne()
    },
    pids: () => (current?.child.alive() ? [current.child.pid] : []),
    [Symbol.asyncDispose]: stop,
  }
}

async function untilHealthy(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(1000)]) }).catch(
      () => undefined,
    )
    await answer?.arrayBuffer()
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

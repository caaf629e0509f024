/**
 * The supervisor: the company, assay beside it, the control, in one data directory.
 *
 * - Everything it starts it stops; what a killed supervisor left behind the next one ends first.
 * - assay is a child like any other and is restarted by nobody: without it the company works on.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type PartStatus, type Report, startCompany, watchEnvOf } from './company.ts'
import { startControl } from './control.ts'
import { DemoError } from './demo-error.ts'
import { FAULTS } from './faults/catalogue.ts'
import { type FaultStatus, switchboard } from './faults/switchboard.ts'
import { type Mail, startMailSink } from './parts/smtp.ts'
import { checkFree, DEFAULT_PORT, type Ports, portsFrom } from './ports.ts'
import { type Child, startChild, untilReady } from './processes/child.ts'
import { type DataDir, HOLDER, holdDataDir, placeOf } from './processes/data-dir.ts'
import { killRecorded } from './processes/records.ts'

export type DemoOptions = {
  readonly port: number
  readonly data: string
  readonly load: boolean
  /** False: the company alone. */
  readonly assay: boolean
  /** One line of progress. */
  readonly say: (line: string) => void
  /** Ends a start that is under way; a demo that has started is ended by its disposal. */
  readonly signal: AbortSignal
}

export type DemoStatus = {
  readonly parts: readonly PartStatus[]
  readonly assay: { readonly state: 'off' | 'up' | 'down'; readonly pid: number | undefined; readonly address: string }
  readonly load: { readonly on: boolean; readonly pid: number | undefined }
  readonly faults: readonly FaultStatus[]
}

export interface Demo extends AsyncDisposable {
  readonly ports: Ports
  status(): DemoStatus
  break(fault: string): Promise<void>
  heal(fault?: string): Promise<void>
  mails(): Promise<readonly Mail[]>
}

/** Resolves when all parts answer. Rejects with an `ASSAY_DEMO_*` error, having stopped what had been started. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { say, signal } = options
  const ports = portsFrom(options.port)
  await using owned = new AsyncDisposableStack()
  const data = owned.use(await holdDataDir(options.data))
  if (data.leftovers.length > 0) say(`ended what an earlier demo had left running: ${data.leftovers.join(', ')}`)
  await checkFree(ports)
  const report: Report = (part, address, tookMs) => say(`  ${part.padEnd(13)} ${seconds(tookMs)}  ${address}`)

  const sink = owned.use(await startMailSink({ dir: join(data.path, 'mails'), port: ports.smtp }))
  const boardFile = join(data.path, 'faults.json')
  // Services read the board from their first moment: yesterday's faults must be gone by then.
  rmSync(boardFile, { force: true })
  const nearlyUp = Promise.withResolvers<void>()
  const missing = new Set(['postgres', 'crm-postgres', 's3', 'shop', 'crm', 'mes'])
  const reportAndCount: Report = (part, address, tookMs) => {
    report(part, address, tookMs)
    missing.delete(part)
    if (missing.size === 0) nearlyUp.resolve()
  }
  const starting = startCompany({ data, ports, load: options.load, boardFile, report: reportAndCount, signal })
  // assay begins when all but the broker (the slowest) answer: earlier it would rightly say that everything is down.
  const begun = Promise.race([nearlyUp.promise, starting])
  const watching = begun.then(() => (options.assay ? startAssay(data, ports, signal, report) : undefined))
  const [company, watcher] = await both(owned, starting, watching)
  let assay = watcher
  const board = owned.use(switchboard({ faults: FAULTS, grip: company.grip, boardFile, now: Date.now }))
  const status = (): DemoStatus => ({
    parts: company.parts(),
    assay: {
      state: assay === undefined ? 'off' : assay.alive() ? 'up' : 'down',
      pid: assay?.alive() ? assay.pid : undefined,
      address: `http://127.0.0.1:${ports.assay}`,
    },
    load: { on: company.load?.alive() ?? false, pid: company.load?.alive() ? company.load.pid : undefined },
    faults: board.faults(),
  })
  const mails = () => sink.mails()
  let stopping = false
  const tellEnd = () =>
    void assay?.ended.then((why) => {
      if (!stopping) say(`assay has stopped (${why}); the company works on`)
    })
  const startAgain = async () => {
    if (assay?.alive()) throw new DemoError('ASSAY_DEMO_RUNNING', `assay runs already, as process ${assay.pid}`)
    assay = all.use(await startAssay(data, ports, signal, report))
    tellEnd()
  }
  owned.use(await startControl({ port: ports.control, switchboard: board, status, mails, startAssay: startAgain }))
  tellEnd()
  const all = owned.move()
  return {
    ports,
    status,
    break: (fault) => board.break(fault),
    heal: (fault) => board.heal(fault),
    mails,
    [Symbol.asyncDispose]: () => {
      stopping = true
      return all.disposeAsync()
    },
  }
}

/** The demo in the foreground: until `signal` aborts, then everything is stopped. Rejects when it cannot start. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const began = performance.now()
  options.say('starting the company')
  await using demo = await startDemo(options)
  options.say(`ready after ${seconds(performance.now() - began).trim()}: http://127.0.0.1:${demo.ports.assay}`)
  options.say(
    `break something: assay demo break ${FAULTS[0]?.name}${options.port === DEFAULT_PORT ? '' : ` --port ${options.port}`}   (stop: Ctrl-C)`,
  )
  if (!options.signal.aborted)
    await new Promise((resolve) => options.signal.addEventListener('abort', resolve, { once: true }))
  options.say('stopping')
}

/** Ends everything that a demo on this directory started, at once and the hard way. */
export function killAll(data: string): void {
  killRecorded(placeOf(data).runDir, [HOLDER])
}

const ASSAY = fileURLToPath(new URL('../bin/assay', import.meta.url))
const DEFINITION = fileURLToPath(new URL('./assay.config.ts', import.meta.url))

async function startAssay(data: DataDir, ports: Ports, signal: AbortSignal, report: Report): Promise<Child> {
  const began = performance.now()
  if (!existsSync(ASSAY)) throw new DemoError('ASSAY_DEMO_PART', `assay's own command is missing: ${ASSAY}`)
  const child = await startChild(data.place, {
    name: 'assay',
    argv: [
      ASSAY,
      'serve',
      '--config',
      DEFINITION,
      '--listen',
      `127.0.0.1:${ports.assay}`,
      '--data',
      join(data.path, 'assay'),
    ],
    env: watchEnvOf(data, ports),
  })
  try {
    const ready = async () =>
      (await fetch(`http://127.0.0.1:${ports.assay}/-/ready`, { signal: AbortSignal.timeout(1000) })).ok
        ? true
        : undefined
    await untilReady(child, ready, { timeoutMs: 30_000, signal })
  } catch (cause) {
    await child[Symbol.asyncDispose]()
    throw cause
  }
  report('assay', `http://127.0.0.1:${ports.assay}`, performance.now() - began)
  return child
}

/** Waits for both and owns what came up, even when the other one failed. */
async function both<A extends AsyncDisposable, B extends AsyncDisposable | undefined>(
  owned: AsyncDisposableStack,
  a: Promise<A>,
  b: Promise<B>,
): Promise<[A, B]> {
  const settled = await Promise.allSettled([a, b])
  for (const one of settled) if (one.status === 'fulfilled') owned.use(one.value)
  return Promise.all([a, b])
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7)
}

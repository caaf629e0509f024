/**
 * Where everything listens: one number decides all, so that two demos side by side need only two numbers.
 * Everything is on 127.0.0.1.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { DemoError } from './demo-error.ts'

const OFFSETS = {
  assay: 0,
  control: 1,
  shop: 11,
  crm: 12,
  mes: 13,
  shopAgent: 21,
  crmAgent: 22,
  mesAgent: 23,
  postgres: 31,
  amqp: 32,
  management: 33,
  prometheus: 34,
  epmd: 35,
  distribution: 36,
  s3: 37,
  smtp: 38,
  crmPostgres: 39,
} as const

export type PortName = keyof typeof OFFSETS
export type Ports = Readonly<Record<PortName, number>>
export const DEFAULT_PORT = 2424
export const LAST_OFFSET = Math.max(...Object.values(OFFSETS))

/** Throws `ASSAY_DEMO_PORT` when the numbers do not all fit below 65536. */
export function portsFrom(base: number): Ports {
  if (!Number.isInteger(base) || base < 1024 || base + LAST_OFFSET > 65_535)
    throw new DemoError(
      'ASSAY_DEMO_PORT',
      `--port ${base}: write a whole number from 1024 to ${65_535 - LAST_OFFSET}; the demo takes ${LAST_OFFSET + 1} ports from there`,
    )
  return Object.fromEntries(Object.entries(OFFSETS).map(([name, offset]) => [name, base + offset])) as Ports
}

/** Throws `ASSAY_DEMO_PORT_IN_USE` naming each taken port and, where the system tells, who holds it. */
export async function checkFree(ports: Ports): Promise<void> {
  const taken: string[] = []
  for (const [name, port] of Object.entries(ports)) {
    if (await isFree(port)) continue
    taken.push(`${port} (for ${name}) is held by ${holderOf(port) ?? 'another program'}`)
  }
  if (taken.length > 0)
    throw new DemoError('ASSAY_DEMO_PORT_IN_USE', `${taken.join('; ')}. Stop it, or start the demo with another --port`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The listener's process on Linux, `node (process 4711)`; `undefined` elsewhere or when it is another user's. */
export function holderOf(port: number): string | undefined {
  try {
    const inode = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find((fields) => fields[3] === '0A' && Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port)?.[9]
    if (inode === undefined) return undefined
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (socketsOf(pid).includes(`socket:[${inode}]`))
        return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})`
    }
  } catch {
    // No /proc: the port is taken all the same, only by whom is not known.
  }
  return undefined
}

function socketsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}

/**
 * The machine assay runs on. Linux is read from `/proc`, with the limits of a container; elsewhere what `node:os` knows.
 * A file that is not there (an old kernel, a locked-down container) leaves its series out and nothing else.
 */
import { readFile, statfs } from 'node:fs/promises'
import { arch, cpus, freemem, hostname, loadavg, platform, release, totalmem, uptime } from 'node:os'
import { AssayError, type Clock, PageWriter } from '#core'
import type { Collector, CollectorDeps, HostSpec } from '../types.ts'
import { hostPage, PROC_FILES, type ProcFile, type ProcFiles, type Space, writeLoad, writeSpaces } from './page.ts'
import { type Mount, parseMounts } from './proc.ts'

const MAX_MOUNTS = 64

export function hostCollector(spec: HostSpec, { clock }: CollectorDeps): Collector {
  return {
    spec,
    address: hostname(),
    read: (signal) => (platform() === 'linux' ? readLinux(clock, signal) : readElsewhere(clock)),
    caveats: () => [],
    async [Symbol.asyncDispose]() {},
  }
}

async function readLinux(clock: Clock, signal: AbortSignal): Promise<string> {
  const entries = await Promise.all(
    Object.entries(PROC_FILES).map(async ([name, path]) => [name as ProcFile, await tryRead(path, signal)] as const),
  )
  signal.throwIfAborted()
  const files: ProcFiles = Object.fromEntries(entries.filter(([, text]) => text !== undefined))
  if (files.stat === undefined)
    throw new AssayError('ASSAY_COLLECTOR_HOST', 'the host cannot be read: /proc/stat is not there; is /proc mounted?')
  const spaces = await spacesOf(parseMounts(files.mounts ?? ''))
  return hostPage({ files, spaces, now: clock.now(), uname: unameOf() })
}

async function readElsewhere(clock: Clock): Promise<string> {
  const page = new PageWriter()
  page.single('node_time_seconds', 'gauge', 'The time of the host.', clock.now() / 1000)
  page.family('node_uname_info', 'gauge', 'What the host is.').sample(1, unameOf())
  page.family('node_cpu_seconds_total', 'counter', 'Seconds of each CPU by mode.')
  for (const [i, { times }] of cpus().entries()) {
    const modes = { user: times.user, nice: times.nice, system: times.sys, idle: times.idle }
    for (const [mode, ms] of Object.entries(modes)) page.sample(ms / 1000, { cpu: String(i), mode })
  }
  page.single(
    'node_boot_time_seconds',
    'gauge',
    'When the host was started.',
    Math.round(clock.now() / 1000 - uptime()),
  )
  writeLoad(page, loadavg())
  page.single('node_memory_MemTotal_bytes', 'gauge', 'Memory: MemTotal.', totalmem())
  page.single('node_memory_MemAvailable_bytes', 'gauge', 'Memory: MemAvailable.', freemem())
  writeSpaces(page, await spacesOf([{ device: '/', mountpoint: '/', fstype: platform(), readOnly: false }]))
  return String(page)
}

async function spacesOf(mounts: readonly Mount[]): Promise<readonly Space[]> {
  const found = await Promise.all(
    mounts.slice(0, MAX_MOUNTS).map(async (mount): Promise<Space | undefined> => {
      const stats = await statfs(mount.mountpoint).catch(() => undefined)
      if (stats === undefined || stats.blocks === 0) return undefined
      const { bsize, blocks, bfree, bavail, files, ffree } = stats
      return {
        mount,
        sizeBytes: blocks * bsize,
        freeBytes: bfree * bsize,
        availableBytes: bavail * bsize,
        files,
        filesFree: ffree,
      }
    }),
  )
  return found.filter((space) => space !== undefined)
}

async function tryRead(path: string, signal: AbortSignal): Promise<string | undefined> {
  return readFile(path, { encoding: 'utf8', signal }).catch(() => undefined)
}

function unameOf(): Record<string, string> {
  return {
    sysname: platform() === 'linux' ? 'Linux' : platform(),
    release: release(),
    machine: arch(),
    nodename: hostname(),
  }
}

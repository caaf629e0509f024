/**
 * Where the real ones lie: Prometheus 3, promtool, Alertmanager, vmagent, vmalert.
 *
 * - `ASSAY_PEERS` names a folder of one's own; else what `scripts/peers.sh` fetched, which is called when nothing is there yet.
 * - Where they cannot be had, a test skips and says why: `test('...', { skip: await peersMissing() }, ...)`.
 */
import { execFile } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const PEERS = [
  'prometheus',
  'promtool',
  'prometheus-alertmanager',
  'amtool',
  'victoria-metrics',
  'vmagent',
  'vmalert',
] as const
export type Peer = (typeof PEERS)[number]

/** Older ones differ in ways that nobody wrote down here. */
const OLDEST = [3, 5] as const
const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

type Found =
  | { readonly directory: string; readonly version: string }
  | { readonly directory?: undefined; readonly why: string }

let found: Promise<Found> | undefined

/** Why the real ones cannot be had, for `skip`; `false` when they are there. */
export async function peersMissing(): Promise<string | false> {
  const answer = await findPeers()
  return answer.directory === undefined ? answer.why : false
}

/** The path of a program. Throws when there is none: ask `peersMissing` first. */
export async function peer(name: Peer): Promise<string> {
  const answer = await findPeers()
  if (answer.directory === undefined) throw new Error(answer.why)
  return join(answer.directory, name)
}

/** What `prometheus --version` says, as `3.5.3`. */
export async function prometheusVersion(): Promise<string> {
  const answer = await findPeers()
  if (answer.directory === undefined) throw new Error(answer.why)
  return answer.version
}

function findPeers(): Promise<Found> {
  found ??= look()
  return found
}

async function look(): Promise<Found> {
  const own = process.env['ASSAY_PEERS']
  if (own !== undefined && own !== '') return verify(own)
  const directory = join(ROOT, '.cache/peers')
  if (!(await isThere(join(directory, 'prometheus'))))
    await run('sh', [join(ROOT, 'scripts/peers.sh')], { timeout: 300_000 })
  if (await isThere(join(directory, 'prometheus'))) return verify(directory)
  const why = await readFile(join(ROOT, '.cache/peers.reason'), 'utf8').catch(() => 'scripts/peers.sh left no reason')
  return { why: `no Prometheus 3 to compare with: ${why.trim()}` }
}

async function verify(directory: string): Promise<Found> {
  for (const name of PEERS)
    if (!(await isThere(join(directory, name)))) return { why: `${directory} holds no program ${name}` }
  const { stdout } = await run(join(directory, 'prometheus'), ['--version'], { timeout: 20_000 })
  const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  if (version === undefined || major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return { why: `${directory}/prometheus is ${version ?? 'of no known version'}; ${OLDEST.join('.')} is the oldest` }
  return { directory, version }
}

function isThere(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

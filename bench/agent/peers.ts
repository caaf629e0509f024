/**
 * The peers: installed on demand into .cache/agent-peers from the versions pinned in bench/agent/peers. They are no part of the project.
 *
 * Services of every way, the bare one too, take their framework from there, so that all run the same code.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
export const PEERS_FOLDER: string = join(ROOT, '.cache/agent-peers')
const PINNED = join(import.meta.dirname, 'peers')

export const requirePeer: NodeJS.Require = createRequire(join(PEERS_FOLDER, 'service.cjs'))

/** Installs what is missing. Rejects, with npm's words, where there is no registry. */
export async function installPeers(): Promise<void> {
  const lock = await readFile(join(PINNED, 'package-lock.json'), 'utf8')
  const installed = await readFile(join(PEERS_FOLDER, 'package-lock.json'), 'utf8').catch(() => '')
  const isWhole = await readFile(join(PEERS_FOLDER, 'node_modules/prom-client/package.json'), 'utf8').catch(() => '')
  if (lock === installed && isWhole !== '') return
  await mkdir(PEERS_FOLDER, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) await copyFile(join(PINNED, file), join(PEERS_FOLDER, file))
  console.error('installing the peers into .cache/agent-peers ...')
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: PEERS_FOLDER })
}

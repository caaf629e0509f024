/**
 * A secret that all processes of one user can read and nobody else: workers prove with it that they belong together.
 *
 * - A file of mode 0600 in a folder of mode 0700, both owned by this user; anything else is refused, never repaired.
 * - Made by whoever comes first: written under another name and linked, so that nobody reads half of it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { linkSync, lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SECRET_BYTES = 32

/** The secret, or undefined where there can be none (a folder that is not ours, a disk that cannot be written). */
export function readSecret(
  env: Readonly<Record<string, string | undefined>>,
  base: string = tmpdir(),
): Buffer | undefined {
  const uid = process.getuid?.() ?? 0
  const folder = join(env['XDG_RUNTIME_DIR'] || base, `assay-agent-${uid}`)
  const file = join(folder, 'secret')
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
    if (!isPrivate(folder, uid)) return undefined
    return tryReadSecret(file, uid) ?? makeSecret(file, uid)
  } catch {
    return undefined
  }
}

function makeSecret(file: string, uid: number): Buffer | undefined {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, randomBytes(SECRET_BYTES), { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, file)
  } catch {
    // Another process was first: its secret is everyone's.
  } finally {
    unlinkSync(draft)
  }
  return tryReadSecret(file, uid)
}

function tryReadSecret(file: string, uid: number): Buffer | undefined {
  try {
    if (!isPrivate(file, uid)) return undefined
    const secret = readFileSync(file)
    return secret.length === SECRET_BYTES ? secret : undefined
  } catch {
    return undefined
  }
}

function isPrivate(path: string, uid: number): boolean {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return false
  return process.platform === 'win32' || (found.uid === uid && (found.mode & 0o077) === 0)
}

/** A key for one purpose and one group of workers; from it the secret cannot be found. */
export function deriveKey(secret: Buffer, purpose: string, group: string): Buffer {
  return createHmac('sha256', secret).update(`${purpose}\n${group}`).digest()
}

/** What only a holder of the key can answer to a nonce. `role` keeps one side from sending the other's proof back. */
export function prove(key: Uint8Array, role: 'hub' | 'worker', nonce: string): string {
  return createHmac('sha256', key).update(`${role}\n${nonce}`).digest('hex')
}

export function isProof(given: unknown, key: Uint8Array, role: 'hub' | 'worker', nonce: string): boolean {
  if (typeof given !== 'string') return false
  const expected = Buffer.from(prove(key, role, nonce))
  const actual = Buffer.from(given)
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

/**
 * The key that users are hashed with, and its name.
 *
 * - From `ASSAY_USERS_KEY` when it is set: the same wherever users are to be counted together. Else from the secret file of this user
 *   and the name of the service: a restart goes on with it, and so do all processes of the service on this machine. Else random.
 * - The key's id travels with the sketches, so that whoever merges can tell which belong together. It is derived from the secret
 *   beside the key, not from the key: it gives nothing away about it.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { HashKey } from './hash.ts'

export type UsersKey = HashKey & {
  /** 16 hexadecimal digits. */
  readonly id: string
}

/** `secret`: of the secret file; undefined where there can be none. */
export function usersKey(configured: string | undefined, secret: Buffer | undefined, service: string): UsersKey {
  if (configured !== undefined) return derive(createHash('sha256').update(configured).digest(), '')
  return derive(secret ?? randomBytes(32), service)
}

function derive(secret: Buffer, service: string): UsersKey {
  const part = (purpose: string): Buffer => createHmac('sha256', secret).update(`${purpose}\n${service}`).digest()
  const key = part('users')
  return { k0: key.readInt32LE(0), k1: key.readInt32LE(4), id: part('users key id').toString('hex', 0, 8) }
}

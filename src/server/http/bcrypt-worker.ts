/** Compares passwords with bcrypt hashes in a thread of its own: one takes 50 ms to seconds, by its cost, and must hold up nobody. */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

export type Comparison = { readonly id: number; readonly password: string; readonly hash: string }
export type Compared = { readonly id: number; readonly equal: boolean }

parentPort?.on('message', ({ id, password, hash }: Comparison) => {
  const answer: Compared = { id, equal: compareSync(password, hash) }
  parentPort?.postMessage(answer)
})

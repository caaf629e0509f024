/** Password hashes: scrypt with its salt, as `salt:hash` in hexadecimal. */
import { randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto'

const BYTES = 32
/** Cheap on purpose: customers of the demo log in all day on a laptop. A real shop takes 2^17. */
const COST = { N: 1024, r: 8, p: 1 }

export function hashPassword(password: string): string {
  const salt = randomBytes(16)
  return `${salt.toString('hex')}:${scryptSync(password, salt, BYTES, COST).toString('hex')}`
}

/** Takes the same time whether the password is wrong or right; off the event loop. */
export function checkPassword(password: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split(':')
  const expected = Buffer.from(hash, 'hex')
  return new Promise((resolve, reject) => {
    scrypt(password, Buffer.from(salt, 'hex'), BYTES, COST, (err, derived) => {
      if (err !== null) reject(err)
      else resolve(derived.length === expected.length && timingSafeEqual(derived, expected))
    })
  })
}

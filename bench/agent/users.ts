/**
 * Active users: how exact the counts are, and what counting one costs.
 *
 *     node --conditions=assay-src bench/agent/users.ts [--keys=40]
 *
 * - Accuracy: the root mean square of the relative error over as many keys, at sizes from 1 thousand to 1 million, in the memory that
 *   requests are counted in (16 KiB a day; 24 KiB for the six minutes). A key stands for another set of users.
 * - Cost: nanoseconds of this thread's CPU a call, hash included, minimum and median of rounds taken in turns.
 */

import { ActiveUsers, readActiveUsers } from '../../agent/src/users/active.ts'
import { hashId } from '../../agent/src/users/hash.ts'
import { ConnectionMemory, countUsers, encodeUsers, type UsersReading } from '../../agent/src/users/index.ts'

const NOON = Date.UTC(2026, 4, 5, 12)
const MINUTE = 60_000
const SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
const KEY = { k0: 0x1234_5678, k1: 0x2345_6789, id: '0123456789abcdef' }
const keys = Number(/--keys=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 40)

accuracy()
cost()

function accuracy(): void {
  const sums = SIZES.map(() => ({ day: 0, dayBias: 0, five: 0, fiveBias: 0, worst: 0 }))
  for (let k = 0; k < keys; k++) {
    const key = { k0: Math.imul(k + 1, 0x9e37_79b1) | 0, k1: Math.imul(k + 7, 0x85eb_ca6b) | 0, id: KEY.id }
    const users = new ActiveUsers(key)
    let seen = 0
    for (const [i, size] of SIZES.entries()) {
      for (; seen < size; seen++) users.see(`user-${seen}`, NOON + (seen % 6) * MINUTE)
      const { day, fiveMinutes } = countUsers([reading(users)], NOON + 5 * MINUTE)
      const sum = sums[i]!
      sum.day += (day / size - 1) ** 2
      sum.dayBias += day / size - 1
      sum.five += (fiveMinutes / size - 1) ** 2
      sum.fiveBias += fiveMinutes / size - 1
      sum.worst = Math.max(sum.worst, Math.abs(day / size - 1))
    }
  }
  console.log(`error over ${keys} keys, %     day RMSE   bias  worst   five minutes RMSE   bias`)
  const percent = (value: number): string => (100 * value).toFixed(2).padStart(6)
  for (const [i, size] of SIZES.entries()) {
    const { day, dayBias, five, fiveBias, worst } = sums[i]!
    console.log(
      `${String(size).padStart(20)}          ${percent(Math.sqrt(day / keys))} ${percent(dayBias / keys)} ${percent(worst)}              ${percent(Math.sqrt(five / keys))} ${percent(fiveBias / keys)}`,
    )
  }
  const all = (pick: (sum: (typeof sums)[number]) => number): number =>
    Math.sqrt(sums.reduce((total, sum) => total + pick(sum), 0) / keys / SIZES.length)
  console.log(
    `${'all sizes'.padStart(20)}          ${percent(all(({ day }) => day))}                             ${percent(all(({ five }) => five))}`,
  )
}

function cost(): void {
  const CALLS = 400_000
  const short = Array.from({ length: 4_096 }, (_, i) => flat(`user-${i}`))
  const uuids = short.map((_, i) =>
    flat(`${(i * 2_654_435_761).toString(16).padStart(8, '0').slice(-8)}-1111-4222-8333-0123456789ab`),
  )
  const memories = short.map(() => new ConnectionMemory())
  const users = new ActiveUsers(KEY)
  const few = new ActiveUsers(KEY)
  for (let i = 0; i < 5_000; i++) users.see(`fill-${i}`, NOON)
  const out = { hi: 0, lo: 0 }
  const ways: Record<string, (i: number) => void> = {
    'hash, short id': (i) => hashId(short[i & 4_095]!, KEY, out),
    'hash, UUID': (i) => hashId(uuids[i & 4_095]!, KEY, out),
    'see, short id, registers': (i) => users.see(short[i & 4_095]!, NOON),
    'see, UUID, registers': (i) => users.see(uuids[i & 4_095]!, NOON),
    'see, short id, exact': (i) => few.see(short[i & 511]!, NOON),
    'see, same user on the connection': (i) => users.see(uuids[i & 4_095]!, NOON, memories[i & 4_095]!),
    'see, same user, next minute': (i) =>
      users.see(uuids[i & 4_095]!, NOON + (i >>> 12) * MINUTE, memories[i & 4_095]!),
  }
  const taken = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
  for (let round = 0; round < 9; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const before = process.cpuUsage()
      for (let i = 0; i < CALLS; i++) way(i)
      const { user, system } = process.cpuUsage(before)
      if (round > 1) taken.get(name)!.push(((user + system) * 1_000) / CALLS)
    }
  }
  console.log('\nns a call                            least  median')
  for (const [name, all] of taken) {
    const sorted = all.sort((a, b) => a - b)
    console.log(
      `${name.padEnd(36)} ${sorted[0]!.toFixed(0).padStart(5)}  ${sorted[sorted.length >> 1]!.toFixed(0).padStart(6)}`,
    )
  }
  const big = reading(users)
  const text = JSON.stringify(encodeUsers(big))
  const from = performance.now()
  for (let i = 0; i < 20; i++) countUsers([reading(users)], NOON)
  console.log(
    `\nmemory ${users.memory.byteLength} bytes; payload ${text.length} bytes; reading and counting ${(((performance.now() - from) / 20) * 1_000).toFixed(0)} us`,
  )
}

/** As a parser makes them: one piece of memory, where a template is a tree of pieces. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function reading(users: ActiveUsers): UsersReading {
  return { service: 'bench', startedAt: 1, key: KEY.id, timeZone: 'UTC', at: NOON, ...readActiveUsers(users.memory) }
}

/**
 * Whether an address is in one of some ranges: the agent's way beside Node's `BlockList.check`, in turns in one process.
 *
 *     node --conditions=assay-src bench/agent/addresses.ts
 *
 * Nanoseconds of CPU a question, best of twenty rounds of 50,000, over 4,096 random addresses and three ranges.
 */
import { BlockList } from 'node:net'
import { Networks } from '../../agent/src/http/addresses.ts'

const RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']
const ADDRESSES = Array.from({ length: 4_096 }, () =>
  Array.from({ length: 4 }, (_, i) =>
    i === 0 ? 1 + Math.floor(Math.random() * 223) : Math.floor(Math.random() * 256),
  ).join('.'),
)
const ROUNDS = 20
const QUESTIONS = 50_000

const ours = new Networks(RANGES)
const theirs = new BlockList()
for (const range of RANGES) {
  const [base = '', bits] = range.split('/')
  theirs.addSubnet(base, Number(bits))
}
const ways = { agent: (address: string) => ours.has(address), BlockList: (address: string) => theirs.check(address) }
const best = new Map<string, number>()
let found = 0
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, has] of Object.entries(ways)) {
    const from = process.cpuUsage()
    for (let i = 0; i < QUESTIONS; i++) if (has(ADDRESSES[i % ADDRESSES.length]!)) found++
    const { user, system } = process.cpuUsage(from)
    best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, ((user + system) * 1_000) / QUESTIONS))
  }
}
for (const [name, ns] of best) console.log(`${name.padEnd(10)} ${ns.toFixed(0)} ns`)
console.log(`${((found / (2 * ROUNDS * QUESTIONS)) * 100).toFixed(1)} % were in a range`)

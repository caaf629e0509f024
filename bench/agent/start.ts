/**
 * What the agent costs a process before its first connection, and with its first request: CPU and memory, of the published form, beside the
 * same process without it.
 *
 *     node --conditions=assay-src bench/agent/start.ts [--rounds 20] [--node /usr/bin/node]
 *
 * - Fresh processes in turn, with and without (ABBA); each tells its own CPU and RSS some turns of the loop after it listens, when all
 *   that the agent loads by itself is loaded, and again after one request. The service is plain CommonJS, as most are, so that nothing but
 *   Node is beside it.
 * - Build first: `node --conditions=assay-src scripts/build-agent.ts`.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { median } from './figures.ts'

const AGENT = join(import.meta.dirname, '../../agent/dist/index.cjs')
const SERVICE = `
require('./module.cjs')
const http = require('node:http')
const server = http.createServer((request, response) => response.end('ok'))
const tell = (more, done) => {
  const { user, system } = process.cpuUsage()
  const rss = process.memoryUsage.rss()
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, rssMib: rss / 2 ** 20, ...more }) + '\\n', done)
}
server.listen(0, '127.0.0.1', () => {
  // Its dynamic imports and its own listening take some turns.
  setTimeout(() => {
    tell({ port: server.address().port })
    server.once('request', (request, response) => response.once('close', () => setTimeout(() => tell({}, () => process.exit()), 50)))
  }, 100)
})
`
type Cost = { readonly cpuMs: number; readonly rssMib: number }
/** Before the first connection, and after the first request. */
type Start = { readonly before: Cost; readonly after: Cost }
const WAYS = { none: [], agent: ['--require', AGENT], off: ['--require', AGENT] } as const
type Name = keyof typeof WAYS

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, node: { type: 'string', default: process.execPath } },
})
const folder = mkdtempSync(join(tmpdir(), 'assay-start-'))
const service = join(folder, 'service.cjs')
// As every application has one: the first that is read costs Node 2.6 MiB.
writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}')
writeFileSync(service, SERVICE)
writeFileSync(join(folder, 'module.cjs'), '')
try {
  const names = Object.keys(WAYS) as Name[]
  const all: Record<Name, Start[]> = { none: [], agent: [], off: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) all[name].push(await startOnce(name))
  }
  for (const moment of ['before', 'after'] as const) {
    console.log(moment === 'before' ? 'before the first connection' : 'after the first request')
    for (const name of names) {
      const cpu = median(all[name].map((start) => start[moment].cpuMs))
      const rss = median(all[name].map((start) => start[moment].rssMib))
      const addedCpu = median(all[name].map((start, i) => start[moment].cpuMs - all.none[i]![moment].cpuMs))
      const addedRss = median(all[name].map((start, i) => start[moment].rssMib - all.none[i]![moment].rssMib))
      const added = name === 'none' ? '' : `   added ${addedCpu.toFixed(1)} ms, ${addedRss.toFixed(2)} MiB`
      console.log(`  ${name.padEnd(6)} ${cpu.toFixed(1)} ms CPU, ${rss.toFixed(1)} MiB${added}`)
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function startOnce(name: Name): Promise<Start> {
  const child = spawn(values.node, [...WAYS[name], service], {
    // Beside it stand no packages: what the agent looks for there (Hono) is not found.
    cwd: folder,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      ASSAY_AGENT_LISTEN: '127.0.0.1:0',
      ...(name === 'off' ? { ASSAY_AGENT: 'off' } : {}),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Cost & { readonly port?: number }> =>
    JSON.parse(String((await lines.next()).value)) as Cost & { readonly port?: number }
  const before = await next()
  await (await fetch(`http://127.0.0.1:${before.port}/x`, { headers: { connection: 'close' } })).text()
  return { before, after: await next() }
}

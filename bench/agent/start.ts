/**
 * What the agent costs a process before its first connection, and with its first request: CPU and memory, of the published form, beside the
 * same process without it.
 *
 *     node --conditions=assay-src bench/agent/start.ts [plain express fastify] [--rounds 20] [--node /usr/bin/node]
 *
 * - Fresh processes in turn, with and without (ABBA); each tells its own CPU and RSS some turns of the loop after it listens, when all
 *   that the agent loads by itself is loaded, and again after one request. The service is plain CommonJS, as most are, with the packages it
 *   uses beside it and no others: where a Hono is installed, the agent has its modules looked at as they are loaded.
 * - Build first: `node --conditions=assay-src scripts/build-agent.ts`.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { median } from './figures.ts'
import { installPeers, PEERS_FOLDER } from './peers.ts'

const AGENT = join(import.meta.dirname, '../../agent/dist/index.cjs')
/** What makes the server: with nothing, or as the framework has it. */
const SERVERS = {
  plain: `
const server = require('node:http').createServer((request, response) => response.end('ok'))
const listen = (then) => server.listen(0, '127.0.0.1', then)`,
  express: `
const app = require('express')()
app.get('/:id', (request, response) => response.end('ok'))
const server = require('node:http').createServer(app)
const listen = (then) => server.listen(0, '127.0.0.1', then)`,
  fastify: `
const app = require('fastify')()
app.get('/:id', (request, reply) => reply.send('ok'))
const server = app.server
const listen = (then) => app.listen({ port: 0, host: '127.0.0.1' }, then)`,
} as const
type Kind = keyof typeof SERVERS
const service = (kind: Kind): string => `
require('./module.cjs')
${SERVERS[kind]}
const tell = (more, done) => {
  const { user, system } = process.cpuUsage()
  const rss = process.memoryUsage.rss()
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, rssMib: rss / 2 ** 20, ...more }) + '\\n', done)
}
listen(() => {
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '20' }, node: { type: 'string', default: process.execPath } },
})
const kinds = (Object.keys(SERVERS) as Kind[]).filter((kind) =>
  (positionals.length === 0 ? ['plain'] : positionals).includes(kind),
)
if (kinds.some((kind) => kind !== 'plain')) await installPeers()
const folder = mkdtempSync(join(tmpdir(), 'assay-start-'))
// As every application has one: the first that is read costs Node 2.6 MiB.
writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}')
writeFileSync(join(folder, 'module.cjs'), '')
symlinkSync(join(PEERS_FOLDER, 'node_modules'), join(folder, 'node_modules'))
try {
  for (const kind of kinds) {
    writeFileSync(join(folder, `${kind}.cjs`), service(kind))
    tellStarts(kind, await startInTurn(kind))
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function startInTurn(kind: Kind): Promise<Record<Name, Start[]>> {
  const names = Object.keys(WAYS) as Name[]
  const all: Record<Name, Start[]> = { none: [], agent: [], off: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) all[name].push(await startOnce(kind, name))
  }
  return all
}

function tellStarts(kind: Kind, all: Record<Name, Start[]>): void {
  for (const moment of ['before', 'after'] as const) {
    console.log(`${kind}, ${moment === 'before' ? 'before the first connection' : 'after the first request'}`)
    for (const [name, starts] of Object.entries(all)) {
      const cpu = median(starts.map((start) => start[moment].cpuMs))
      const rss = median(starts.map((start) => start[moment].rssMib))
      const addedCpu = median(starts.map((start, i) => start[moment].cpuMs - all.none[i]![moment].cpuMs))
      const addedRss = median(starts.map((start, i) => start[moment].rssMib - all.none[i]![moment].rssMib))
      const added = name === 'none' ? '' : `   added ${addedCpu.toFixed(1)} ms, ${addedRss.toFixed(2)} MiB`
      console.log(`  ${name.padEnd(6)} ${cpu.toFixed(1)} ms CPU, ${rss.toFixed(1)} MiB${added}`)
    }
  }
}

async function startOnce(kind: Kind, name: Name): Promise<Start> {
  const child = spawn(values.node, [...WAYS[name], join(folder, `${kind}.cjs`)], {
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

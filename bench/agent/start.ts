/**
 * What the agent costs a process before its first scrape: CPU and memory, of the published form, beside the same process without it.
 *
 *     node --conditions=assay-src bench/agent/start.ts [--rounds 20] [--node /usr/bin/node]
 *
 * - Fresh processes in turn, with and without (ABBA); each tells its own CPU and RSS some turns of the loop after it listens, when all
 *   that the agent loads by itself is loaded. The service is plain CommonJS, as most are, so that nothing but Node is beside it.
 * - Build first: `node --conditions=assay-src scripts/build-agent.ts`.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './figures.ts'

const AGENT = join(import.meta.dirname, '../../agent/dist/index.cjs')
const SERVICE = `
require('./module.cjs')
const http = require('node:http')
const server = http.createServer((request, response) => response.end('ok'))
server.listen(0, '127.0.0.1', () => {
  // Its dynamic imports and its own listening take some turns.
  setTimeout(() => {
    const { user, system } = process.cpuUsage()
    const rss = process.memoryUsage.rss()
    process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, rssMib: rss / 2 ** 20 }), () => process.exit())
  }, 100)
})
`
type Start = { readonly cpuMs: number; readonly rssMib: number }
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
  for (const name of names) {
    const cpu = median(all[name].map(({ cpuMs }) => cpuMs))
    const rss = median(all[name].map(({ rssMib }) => rssMib))
    const addedCpu = median(all[name].map(({ cpuMs }, i) => cpuMs - all.none[i]!.cpuMs))
    const addedRss = median(all[name].map(({ rssMib }, i) => rssMib - all.none[i]!.rssMib))
    const added = name === 'none' ? '' : `   added ${addedCpu.toFixed(1)} ms, ${addedRss.toFixed(2)} MiB`
    console.log(`${name.padEnd(6)} ${cpu.toFixed(1)} ms CPU, ${rss.toFixed(1)} MiB${added}`)
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
  let text = ''
  for await (const piece of child.stdout) text += String(piece)
  return JSON.parse(text) as Start
}

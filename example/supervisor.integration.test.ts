/** The supervisor as a user meets it: a program in a terminal, stopped, killed, started twice. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { DemoStatus } from './demo.ts'
import { startOf } from './processes/identity.ts'
import { ask, freeBase, temporaryDir, until } from './testing.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

type Run = {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<number | NodeJS.Signals | null>
}

function start(...args: readonly string[]): Run {
  const child = spawn(process.execPath, ['--conditions=assay-src', MAIN, '--no-assay', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const take = (chunk: Buffer) => {
    text += chunk.toString('utf8')
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return {
    child,
    said: () => text,
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal))),
  }
}

const ready = (run: Run) =>
  until(
    'the demo is ready',
    () => {
      if (run.child.exitCode !== null) throw new Error(run.said())
      return run.said().includes('\nready after') ? true : undefined
    },
    120_000,
  )

const pidsOf = (status: DemoStatus): readonly number[] => [
  ...status.parts.flatMap(({ pids }) => pids),
  ...(status.load.pid === undefined ? [] : [status.load.pid]),
]
const statusOf = async (port: number) =>
  (await ask(`http://127.0.0.1:${port + 1}/status`)).body as unknown as DemoStatus
const alive = (pids: readonly number[]) => pids.filter((pid) => startOf(pid) !== undefined)

test('killed, it leaves its parts running; the next start ends them first, serves again, and Ctrl-C ends everything', async () => {
  using dir = temporaryDir()
  using other = temporaryDir()
  const port = await freeBase()
  const first = start('--port', String(port), '--data', dir.path)
  await ready(first)
  const status = await statusOf(port)
  const left = pidsOf(status)
  assert.ok(left.length >= 10, `${left.length} processes`)

  const refused = start('--port', String(await freeBase()), '--data', dir.path)
  assert.equal(await refused.ended, 1)
  assert.match(refused.said(), new RegExp(`a demo \\(process ${first.child.pid}\\) already runs`))
  assert.deepEqual(alive(left), left, 'the refused start has touched nothing')

  const taken = start('--port', String(port), '--data', other.path)
  assert.equal(await taken.ended, 1)
  assert.match(taken.said(), /is held by .*ASSAY_DEMO_PORT_IN_USE/s)

  first.child.kill('SIGKILL')
  await first.ended
  await until('the load has ended by itself', () => (alive([status.load.pid ?? 0]).length === 0 ? true : undefined))
  assert.ok(alive(left).length >= 9, 'the parts still run')

  const second = start('--port', String(port), '--data', dir.path)
  await ready(second)
  assert.match(second.said(), /ended what an earlier demo had left running: .*postgres/)
  assert.deepEqual(alive(left), [])
  const now = pidsOf(await statusOf(port))
  second.child.kill('SIGINT')
  assert.equal(await second.ended, 0)
  assert.match(second.said(), /stopping\nstopped\n$/)
  assert.deepEqual(alive(now), [])
})

test('a directory with other files in it is not touched', async () => {
  using dir = temporaryDir()
  const mine = join(dir.path, 'letters')
  mkdirSync(mine)
  writeFileSync(join(mine, 'mother.txt'), 'Dear mother')
  const run = start('--port', String(await freeBase()), '--data', mine)
  assert.equal(await run.ended, 1)
  assert.match(run.said(), /holds other files.*ASSAY_DEMO_DATA_NOT_OURS/s)
  assert.equal(readFileSync(join(mine, 'mother.txt'), 'utf8'), 'Dear mother')
})

test('an unknown option ends with 2 and the usage', async () => {
  const run = start('--prot', '1')
  assert.equal(await run.ended, 2)
  assert.match(run.said(), /--prot: there is no such option/)
})

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock, systemClock } from '#core'
import { commandRuntime } from './command.ts'
import { runtimeConformance } from './conformance.ts'
import { run } from './exec.ts'
import { memoryRuntime } from './memory-runtime.ts'
import { parseList, pm2Runtime } from './pm2.ts'

const signal = new AbortController().signal

runtimeConformance({
  name: 'memory',
  pids: true,
  open: async () => ({
    runtime: memoryRuntime({ mes: 2 }, new ManualClock()),
    workload: 'mes',
    async [Symbol.asyncDispose]() {},
  }),
})

runtimeConformance({
  name: 'command',
  pids: false,
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'assay-command-'))
    await writeFile(join(folder, 'mes'), '2')
    // `cat` fails for a workload that has no file, and `test` before it keeps the others from making one.
    const guard = [
      'sh',
      '-c',
      'test -e "$1" || exit 3; if [ -n "$2" ]; then printf %s "$2" > "$1"; fi',
      'sh',
      `${folder}/{workload}`,
    ]
    return {
      runtime: commandRuntime({
        count: ['cat', `${folder}/{workload}`],
        scale: [...guard, '{count}'],
        restart: [...guard, ''],
      }),
      workload: 'mes',
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    }
  },
})

test('no shell reads a workload’s name', async () => {
  const { stdout } = await run(['printf', '%s', '$(id); rm -rf /'], {}, signal)
  assert.equal(stdout, '$(id); rm -rf /')
})

test('a command that fails says how, and one that is not there says so', async () => {
  await assert.rejects(run(['sh', '-c', 'echo broken >&2; exit 4'], {}, signal), {
    code: 'ASSAY_RUNTIME_COMMAND',
    message: /ended with 4: broken/,
  })
  await assert.rejects(run(['/nosuch'], {}, signal), { code: 'ASSAY_RUNTIME_COMMAND', message: /can't be started/ })
  await assert.rejects(run([], {}, signal), { code: 'ASSAY_RUNTIME_COMMAND', message: /is empty/ })
})

test('all output is read, however much is left when the command ends', async () => {
  const { stdout } = await run([process.execPath, '-e', 'process.stdout.write("x".repeat(2e6))'], {}, signal)
  assert.equal(stdout.length, 2e6)
})

test('a process left behind with the output open holds nothing up for long', async () => {
  const { stdout } = await run(['sh', '-c', 'sleep 20 & echo $!'], {}, signal)
  process.kill(Number(stdout), 'SIGTERM')
})

test('a count that is no number is refused', async () => {
  const runtime = commandRuntime({ count: ['echo', 'three'], scale: [], restart: [] })
  await assert.rejects(runtime.status('mes', signal), { code: 'ASSAY_RUNTIME_ANSWER', message: /"three"/ })
})

test('PM2’s list is found behind what it prints first', () => {
  const list = [{ name: 'mes', pid: 7, pm_id: 0, pm2_env: { status: 'online', pm_uptime: 5 } }]
  assert.deepEqual(
    parseList(`[PM2] Spawning PM2 daemon\n[PM2] PM2 Successfully daemonized\n${JSON.stringify(list)}\n`),
    list,
  )
  assert.throws(() => parseList('nonsense'), { code: 'ASSAY_RUNTIME_ANSWER' })
})

test('a PM2 that does not run is said, not started', async () => {
  await using folder = await temporary()
  const runtime = pm2Runtime({ command: ['false'], home: folder.path, clock: systemClock })
  await assert.rejects(runtime.status('mes', signal), { code: 'ASSAY_RUNTIME_DOWN' })
})

async function temporary() {
  const path = await mkdtemp(join(tmpdir(), 'assay-pm2-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

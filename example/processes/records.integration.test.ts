import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDir, until } from '../testing.ts'
import { startChild, untilReady } from './child.ts'
import { descendantsOf, startOf } from './identity.ts'
import { endRecorded, liveRecord, writeRecord } from './records.ts'

/** A process that does nothing until it is ended. */
function idle(code = 'setInterval(() => {}, 1000)'): ChildProcess & Disposable {
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' })
  return Object.assign(child, { [Symbol.dispose]: () => void child.kill('SIGKILL') })
}
const pidOf = (child: ChildProcess) => child.pid ?? 0

test('recorded processes are ended, others and a later process with the same number are not', async () => {
  using dir = temporaryDir()
  using ours = idle()
  using spared = idle()
  using stranger = idle()
  writeRecord(dir.path, 'ours', pidOf(ours), 'SIGTERM')
  writeRecord(dir.path, 'spared', pidOf(spared), 'SIGTERM')
  // As if the number had been given to someone else since the record was written.
  writeFileSync(
    join(dir.path, 'old.json'),
    JSON.stringify({ pid: pidOf(stranger), start: 'another boot/1', signal: 'SIGTERM' }),
  )
  writeFileSync(join(dir.path, 'torn.json'), '{"pid":')
  assert.deepEqual(await endRecorded(dir.path, ['spared']), ['ours'])
  assert.equal(startOf(pidOf(ours)), undefined)
  assert.notEqual(startOf(pidOf(spared)), undefined)
  assert.notEqual(startOf(pidOf(stranger)), undefined)
  assert.equal(liveRecord(dir.path, 'ours'), undefined)
  assert.equal(liveRecord(dir.path, 'spared')?.pid, pidOf(spared))
})

test('a process that will not hear is ended the hard way, with its children', async () => {
  using dir = temporaryDir()
  const place = { runDir: dir.path, logDir: dir.path, home: dir.path }
  const stubborn = `
    process.on('SIGTERM', () => {})
    require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    console.log('up')
    setInterval(() => {}, 1000)`
  const child = await startChild(place, { name: 'stubborn', argv: [process.execPath, '-e', stubborn], patienceMs: 200 })
  const [grandchild = 0] = await until('it has a child', () =>
    descendantsOf(child.pid).length > 0 ? descendantsOf(child.pid) : undefined,
  )
  await until('it has spoken', () => (readFileSync(child.logFile, 'utf8').includes('up') ? true : undefined))
  await child[Symbol.asyncDispose]()
  assert.match(await child.ended, /SIGKILL/)
  await until('its child is gone', () => (startOf(grandchild) === undefined ? true : undefined))
  assert.equal(liveRecord(dir.path, 'stubborn'), undefined)
})

test('a part that ends at once is told with its last words; a program that is missing, with its name', async () => {
  using dir = temporaryDir()
  const place = { runDir: dir.path, logDir: dir.path, home: dir.path }
  const child = await startChild(place, {
    name: 'weak',
    argv: [process.execPath, '-e', 'console.error("no disk"); process.exit(3)'],
  })
  const waiting = untilReady(child, async () => undefined, { timeoutMs: 10_000, signal: new AbortController().signal })
  await assert.rejects(waiting, /weak: it ended with code 3; its last words .*\nno disk/s)
  await assert.rejects(
    startChild(place, { name: 'none', argv: ['/nonexistent/program'] }),
    /none cannot be started \(\/nonexistent\/program\)/,
  )
})

test('a child sees only the environment it was given', async () => {
  using dir = temporaryDir()
  const place = { runDir: dir.path, logDir: dir.path, home: dir.path }
  const child = await startChild(place, {
    name: 'env',
    argv: [process.execPath, '-p', 'Object.keys(process.env).sort().join()'],
    env: { SECRET: 'x' },
  })
  await child.ended
  assert.equal(readFileSync(child.logFile, 'utf8').trim(), 'HOME,LANG,NODE_COMPILE_CACHE,PATH,SECRET,TZ')
})

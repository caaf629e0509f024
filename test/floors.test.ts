/**
 * The architecture, held: rooms import only rooms below them, only through the door, and the packages keep apart.
 */
import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { test } from 'node:test'

const FLOORS = [
  'core',
  'storage',
  'promql tsdb state',
  'collectors insight remote rules scrape',
  'alerting',
  'responder',
  'model',
  'exporters',
  'server',
  'cli',
]
const floor = new Map(FLOORS.flatMap((rooms, i) => rooms.split(' ').map((room) => [room, i] as const)))
/** Import and export statements at the start of a line (formatted code), and dynamic imports. */
const IMPORT = /(?:^(?:import|export)\b[^'"();=]*\bfrom |^import |\bimport\()'([^']+)'/gm

async function* importsOf(pattern: string): AsyncGenerator<{ file: string; to: string }> {
  for await (const file of glob(pattern)) {
    if (file.includes('node_modules')) continue
    for (const [, to = ''] of (await readFile(file, 'utf8')).matchAll(IMPORT)) yield { file, to }
  }
}

test('rooms import only rooms below them, and only through the door', async () => {
  let seen = 0
  for await (const { file, to } of importsOf('src/*/**/*.ts')) {
    if (!to.startsWith('#') && !to.startsWith('.')) continue
    seen++
    const [, room = '', ...inside] = file.split('/')
    const below = (floor.get(to.slice(1)) ?? Number.POSITIVE_INFINITY) < (floor.get(room) ?? Number.NEGATIVE_INFINITY)
    const allowed = to.startsWith('#') ? below : to.split('../').length <= inside.length
    assert.ok(allowed, `${file} may not import ${to}`)
  }
  assert.ok(seen > 20, 'the pattern finds the rooms')
})

test('every folder of src is a room with a door', async () => {
  for await (const file of glob('src/*/*.ts')) {
    const room = file.split('/')[1] ?? ''
    assert.ok(floor.has(room), `${room} is no room: give it a floor in this test, or move its files`)
  }
})

test('the agent imports nothing of src and no package', async () => {
  for await (const { file, to } of importsOf('agent/src/**/*.ts')) {
    if (file.endsWith('.test.ts') || /\/(testdata|test-support)\//.test(file)) continue
    assert.ok(to.startsWith('node:') || to.startsWith('.'), `${file} may not import ${to}`)
    assert.ok(!to.includes('/src/'), `${file} may not import ${to}`)
  }
})

test('the UI takes only types from the server', async () => {
  for await (const file of glob('web/src/**/*.{ts,tsx}')) {
    const text = await readFile(file, 'utf8')
    for (const [line, to = ''] of text.matchAll(/^import .*from '([^']*)'/gm)) {
      if (to.includes('src/server')) assert.match(line, /^import type/, `${file}: ${line}`)
      assert.ok(!/\.\.\/src\/(?!server\/)/.test(to), `${file} may not import ${to}`)
    }
  }
})

test('the example meets assay only through its packages', async () => {
  for await (const { file, to } of importsOf('example/**/*.ts')) {
    assert.ok(
      !/\.\.\/(src|agent)\//.test(to) && !to.startsWith('#'),
      `${file} may not import ${to}; take it from 'assay' or '@assay/agent'`,
    )
  }
})

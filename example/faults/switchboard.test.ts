import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DemoError } from '../demo-error.ts'
import { FAULTS } from './catalogue.ts'
import type { Fault, Grip } from './fault.ts'
import { switchboard } from './switchboard.ts'

/** These faults touch nothing. */
const noGrip = {} as Grip

async function withBoard(
  faults: readonly Fault[],
  run: (board: ReturnType<typeof switchboard>, read: () => unknown) => Promise<void>,
) {
  const dir = mkdtempSync(join(tmpdir(), 'board-'))
  const boardFile = join(dir, 'faults.json')
  try {
    await using board = switchboard({ faults, grip: noGrip, boardFile, now: () => 1000 })
    await run(board, () => JSON.parse(readFileSync(boardFile, 'utf8')))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const plain = (name: string): Fault => ({ name, what: '', seen: '' })

test('the board holds what is on and since when', async () => {
  await withBoard([plain('a'), plain('b')], async (board, read) => {
    assert.deepEqual(read(), {})
    await board.break('a')
    await board.break('b')
    assert.deepEqual(read(), { a: 1000, b: 1000 })
    assert.equal(board.faults()[0]?.since, '1970-01-01T00:00:01.000Z')
    await board.heal('a')
    assert.deepEqual(read(), { b: 1000 })
    await board.heal()
    assert.deepEqual(read(), {})
  })
})

test('a fault begins once and is healed once, however often it is called', async () => {
  const seen: string[] = []
  const fault: Fault = {
    ...plain('a'),
    begin: async (_grip, signal) => {
      seen.push('begin')
      return async () => void seen.push(signal.aborted ? 'heal after the signal' : 'heal too early')
    },
  }
  await withBoard([fault], async (board) => {
    await Promise.all([board.break('a'), board.break('a')])
    await Promise.all([board.heal('a'), board.heal(), board.heal('a')])
  })
  assert.deepEqual(seen, ['begin', 'heal after the signal'])
})

test('a fault that cannot begin is not on', async () => {
  const fault: Fault = { ...plain('a'), begin: () => Promise.reject(new Error('no')) }
  await withBoard([fault], async (board, read) => {
    await assert.rejects(board.break('a'), /no/)
    assert.deepEqual(read(), {})
    assert.equal(board.faults()[0]?.since, undefined)
  })
})

test('an unknown fault is refused with the known ones', async () => {
  await withBoard([plain('a'), plain('b')], async (board) => {
    for (const act of [() => board.break('c'), () => board.heal('c')])
      await assert.rejects(
        act,
        (err) => err instanceof DemoError && err.code === 'ASSAY_DEMO_FAULT' && /a, b/.test(err.message),
      )
  })
})

test('the demo has each fault once, with what it does and what is seen of it', () => {
  assert.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length)
  for (const { name, what, seen } of FAULTS) assert.ok(/^[a-z0-9-]+$/.test(name) && what !== '' && seen !== '', name)
  for (const name of [
    'mes-slow',
    'mes-overload',
    'crm-errors',
    'crm-saturated',
    'consumer-stuck',
    'database-down',
    'connections-leak',
  ])
    assert.ok(
      FAULTS.some((fault) => fault.name === name),
      name,
    )
})

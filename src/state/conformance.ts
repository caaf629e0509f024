/**
 * What every `State` must do, as cases. The runner is handed in, so that nothing of a test library ships.
 *
 * `open` gives an empty state each time; `reopen`, where the implementation is durable, closes one and opens it again.
 */
import assert from 'node:assert/strict'
import { unixMs } from '#core'
import type { Json, State } from './types.ts'

export type StateCase = (name: string, run: () => Promise<void>) => unknown

export type OpenState = {
  readonly open: () => Promise<State>
  /** Closes `state` and opens what it kept. Left out where nothing is kept. */
  readonly reopen?: (state: State) => Promise<State>
}

export function stateConformance(test: StateCase, name: string, { open, reopen }: OpenState): void {
  for (const [title, run] of CASES) {
    test(`${name}: ${title}`, async () => {
      await using state = await open()
      await run(state)
    })
  }
  if (reopen === undefined) return
  for (const [title, write, check] of DURABLE_CASES) {
    test(`${name}: ${title} after it was opened again`, async () => {
      const state = await open()
      await write(state)
      await using again = await reopen(state)
      await check(again)
    })
  }
}

const put = (id: string, value: Json, collection = 'tickets') => ({ kind: 'put', collection, id, value }) as const
const remove = (id: string, collection = 'tickets') => ({ kind: 'delete', collection, id }) as const
const audit = (at: number, entry: Json) => ({ kind: 'audit', at: unixMs(at), entry }) as const
const ids = async (state: State, options?: Parameters<State['list']>[1]) =>
  (await state.list('tickets', options)).map(({ id }) => id)

const CASES: readonly (readonly [string, (state: State) => Promise<void>])[] = [
  [
    'a fact that was put is read back, and an absent one is undefined',
    async (state) => {
      const value = { title: 'Größe ☃ 𝒳', tags: [1, -2.5e-7, true, null, []], nested: { b: 1, a: '' } }
      await state.write([put('T-1', value)])
      assert.deepEqual(await state.get('tickets', 'T-1'), value)
      assert.equal(await state.get('tickets', 'T-2'), undefined)
      assert.equal(await state.get('incidents', 'T-1'), undefined)
    },
  ],
  [
    'members that are undefined are dropped and a null is kept',
    async (state) => {
      await state.write([put('T-1', { gone: undefined, kept: null })])
      assert.deepEqual(await state.get('tickets', 'T-1'), { kept: null })
      await state.write([put('T-2', null)])
      assert.equal(await state.get('tickets', 'T-2'), null)
    },
  ],
  [
    'a stored fact does not follow changes of the object it came from, nor of one it was read into',
    async (state) => {
      const value = { open: [1] }
      await state.write([put('T-1', value)])
      value.open.push(2)
      const read = (await state.get('tickets', 'T-1')) as { open: number[] }
      read.open.push(3)
      assert.deepEqual(await state.get('tickets', 'T-1'), { open: [1] })
    },
  ],
  [
    'the list is in the order of first being put, whatever was changed since',
    async (state) => {
      await state.write([put('b', 1), put('a', 1), put('c', 1)])
      await state.write([put('b', 2)])
      assert.deepEqual(await ids(state), ['b', 'a', 'c'])
      await state.write([remove('b'), put('b', 3)])
      assert.deepEqual(await ids(state), ['a', 'c', 'b'])
      assert.deepEqual(await ids(state, { newestFirst: true }), ['b', 'c', 'a'])
      assert.deepEqual(await ids(state, { newestFirst: true, limit: 1 }), ['b'])
    },
  ],
  [
    'a prefix is taken literally',
    async (state) => {
      await state.write([put('a%1', 1), put('a_1', 1), put('A%1', 1), put('ab', 1), put('ü/1', 1)])
      assert.deepEqual(await ids(state, { prefix: 'a%' }), ['a%1'])
      assert.deepEqual(await ids(state, { prefix: 'a_' }), ['a_1'])
      assert.deepEqual(await ids(state, { prefix: 'ü' }), ['ü/1'])
      assert.deepEqual(await ids(state, { prefix: 'nothing' }), [])
    },
  ],
  [
    'a batch with one bad value changes nothing',
    async (state) => {
      await state.write([put('T-1', 'before')])
      const bad: readonly unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, new Date(0), () => 1, new Map()]
      for (const value of bad) {
        const batch = [put('T-1', 'after'), audit(1, 'x'), put('T-2', { deep: [value as Json] })]
        await assert.rejects(state.write(batch), { code: 'ASSAY_STATE_VALUE' })
      }
      assert.equal(await state.get('tickets', 'T-1'), 'before')
      assert.deepEqual(await state.audit(), [])
    },
  ],
  [
    'names that a database would change are refused',
    async (state) => {
      for (const id of ['', 'a\0b', 'a\ud800', 'x'.repeat(1025)]) {
        await assert.rejects(state.write([put(id, 1)]), { code: 'ASSAY_STATE_VALUE' })
      }
      await assert.rejects(state.next(''), { code: 'ASSAY_STATE_VALUE' })
    },
  ],
  [
    'writes of one batch apply in order',
    async (state) => {
      await state.write([put('T-1', 1), remove('T-1'), put('T-1', 2), put('T-2', 1), remove('T-2'), remove('T-9')])
      assert.deepEqual(await state.list('tickets'), [{ id: 'T-1', value: 2 }])
    },
  ],
  [
    'a sequence counts from one without repeating, each by itself, also when asked at once',
    async (state) => {
      const numbers = await Promise.all(Array.from({ length: 50 }, () => state.next('ticket')))
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 50 }, (_, i) => i + 1),
      )
      assert.equal(await state.next('incident'), 1)
    },
  ],
  [
    'the audit is a chain in order of writing',
    async (state) => {
      await state.write([audit(5, { act: 'restart' }), put('T-1', 1), audit(3, 'earlier by the clock')])
      await state.write([audit(9, null)])
      const entries = await state.audit()
      assert.deepEqual(
        entries.map(({ seq, at, entry }) => [seq, at, entry]),
        [
          [1, 5, { act: 'restart' }],
          [2, 3, 'earlier by the clock'],
          [3, 9, null],
        ],
      )
      assert.equal(entries[0]?.previous, '0'.repeat(64))
      assert.equal(entries[1]?.previous, entries[0]?.hash)
      assert.equal(entries[2]?.previous, entries[1]?.hash)
      assert.deepEqual(await state.verifyAudit(), { ok: true, entries: 3 })
      assert.deepEqual(
        (await state.audit({ after: 1, limit: 1 })).map(({ seq }) => seq),
        [2],
      )
    },
  ],
  [
    'the hash of an entry does not depend on the order of its members',
    async (state) => {
      await state.write([audit(1, { a: 1, b: { c: 2, d: 3 } })])
      const [entry] = await state.audit()
      assert.equal(entry?.hash, FIXED_HASH)
      assert.deepEqual(Object.keys(entry?.entry as object), ['a', 'b'])
    },
  ],
  ['an empty audit holds', async (state) => assert.deepEqual(await state.verifyAudit(), { ok: true, entries: 0 })],
  [
    'a closed state refuses everything and may be closed again',
    async (state) => {
      await state[Symbol.asyncDispose]()
      await assert.rejects(state.get('tickets', 'T-1'), { code: 'ASSAY_STATE_CLOSED' })
      await assert.rejects(state.write([put('T-1', 1)]), { code: 'ASSAY_STATE_CLOSED' })
      await assert.rejects(state.next('ticket'), { code: 'ASSAY_STATE_CLOSED' })
    },
  ],
]

/** SHA-256 of 64 zeros, newline, 1, newline, 1, newline, {"a":1,"b":{"c":2,"d":3}}: made with `sha256sum`. */
const FIXED_HASH = '4b01a6a2ef4ed4b946c1392051e4852ec7a97ea2c1c96b405bc24bbb745d9529'

const DURABLE_CASES: readonly (readonly [string, (state: State) => Promise<void>, (state: State) => Promise<void>])[] =
  [
    [
      'facts, their order, sequences and the audit are there',
      async (state) => {
        await state.write([put('b', { n: 1 }), put('a', 2), audit(1, 'first')])
        await state.next('ticket')
      },
      async (state) => {
        assert.deepEqual(await state.list('tickets'), [
          { id: 'b', value: { n: 1 } },
          { id: 'a', value: 2 },
        ])
        assert.equal(await state.next('ticket'), 2)
        await state.write([audit(2, 'second')])
        assert.deepEqual(await state.verifyAudit(), { ok: true, entries: 2 })
      },
    ],
  ]

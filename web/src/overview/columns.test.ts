import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallerWire, EdgeWire, PartWire } from '../api/wire.ts'
import { columnsOf } from './columns.ts'

const part = (id: string, kind: PartWire['kind']): PartWire => ({
  id,
  title: id,
  kind,
  state: 'ok',
  reason: '',
  since: null,
  instances: null,
  uses: [],
  signals: [],
  incident: null,
})
const PARTS = [part('shop', 'api'), part('mes', 'api'), part('shopDb', 'postgres'), part('models', 'bucket')]
const edge = (from: string, to: string, channel: string | null, errors: number | null = null): EdgeWire => ({
  from,
  to,
  channel,
  measured: true,
  rate: 5,
  errors,
})
const caller = (id: string, to: string, channel: string | null): CallerWire => ({
  id,
  title: id,
  to,
  channel,
  rate: 7,
  now: 3,
  today: 9,
})

test('services stand in the middle, everything else is what they stand on', () => {
  const { services, grounds } = columnsOf({ parts: PARTS, edges: [], callers: [] })
  assert.deepEqual(
    services.map(({ id }) => id),
    ['shop', 'mes'],
  )
  assert.deepEqual(
    grounds.map(({ id }) => id),
    ['shopDb', 'models'],
  )
})

test('a caller and the edge of its channel are one line, with the errors of the edge', () => {
  const { callers, edges } = columnsOf({
    parts: PARTS,
    edges: [edge('channel:open', 'mes', 'open', 0.2)],
    callers: [caller('partners', 'mes', 'open')],
  })
  assert.equal(callers.length, 1)
  assert.equal(edges.length, 1)
  assert.equal(edges[0]?.from, callers[0]?.id)
  assert.equal(edges[0]?.errors, 0.2)
})

test('traffic from outside that no caller names has a node of its own', () => {
  const { callers } = columnsOf({ parts: PARTS, edges: [edge('channel:internal', 'shop', 'internal')], callers: [] })
  assert.deepEqual(
    callers.map(({ title, to, now }) => ({ title, to, now })),
    [{ title: 'internal API', to: 'shop', now: null }],
  )
})

test('a caller without an edge still has a line, with its own rate', () => {
  const { edges } = columnsOf({ parts: PARTS, edges: [], callers: [caller('staff', 'shop', null)] })
  assert.equal(edges[0]?.rate, 7)
  assert.equal(edges[0]?.errors, null)
})

test('callers are ordered like the services they call', () => {
  const { callers } = columnsOf({
    parts: PARTS,
    edges: [],
    callers: [caller('partners', 'mes', null), caller('customers', 'shop', null)],
  })
  assert.deepEqual(
    callers.map(({ title }) => title),
    ['customers', 'partners'],
  )
})

test('no two edges share a key', () => {
  const { edges } = columnsOf({
    parts: PARTS,
    edges: [
      edge('shop', 'mes', 'internal'),
      edge('shop', 'mes', 'open'),
      edge('channel:open', 'mes', 'open'),
      edge('shop', 'shopDb', null),
    ],
    callers: [caller('a', 'mes', 'open'), caller('b', 'mes', 'internal')],
  })
  assert.equal(new Set(edges.map(({ key }) => key)).size, edges.length)
})

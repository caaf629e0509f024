import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from './gate.ts'

const forever = new AbortController().signal

test('one more than the places waits until a place is given back', async () => {
  const gate = new Gate(1, 1)
  const first = await gate.enter(forever)
  let entered = false
  const second = gate.enter(forever).then((place) => {
    entered = true
    return place
  })
  await Promise.resolve()
  assert.equal(entered, false)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  const place = await second
  assert.equal(gate.running, 1)
  place[Symbol.dispose]()
  assert.equal(gate.running, 0)
})

test('one more than places and line is refused and counted', async () => {
  const gate = new Gate(1, 0)
  using _ = await gate.enter(forever)
  await assert.rejects(gate.enter(forever), { type: 'unavailable' })
  assert.equal(gate.refused, 1)
})

test('who leaves the line frees it and takes no place', async () => {
  const gate = new Gate(1, 1)
  const first = await gate.enter(forever)
  const controller = new AbortController()
  const leaving = gate.enter(controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(leaving, /gone/)
  assert.equal(gate.waiting, 0)
  first[Symbol.dispose]()
  assert.equal(gate.running, 0)
})

test('whoever need not wait has a place at once; nobody overtakes those in line', async () => {
  const gate = new Gate(1, 1)
  const first = gate.tryEnter()
  assert.ok(first !== undefined && gate.running === 1)
  assert.equal(gate.tryEnter(), undefined)
  const waiting = gate.enter(new AbortController().signal)
  first[Symbol.dispose]()
  assert.equal(gate.tryEnter(), undefined, 'the place went to the one in line')
  using second = await waiting
  assert.equal(gate.running, 1)
  second[Symbol.dispose]()
  assert.equal(gate.running, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AskOrder } from './ask-order.ts'

const agents = (...names: string[]) => names.map((address) => ({ address }))
const namesOf = (list: readonly { readonly address: string }[]) => list.map(({ address }) => address).join(' ')

test('who was not asked is asked first, and who was silent last', () => {
  const order = new AskOrder()
  const all = agents('a', 'b', 'c', 'd')
  assert.equal(namesOf(order.begin(all)), 'a b c d')
  order.asked('a', false)
  order.asked('b', true)
  assert.equal(namesOf(order.begin(all)), 'c d b a')
  order.asked('c', true)
  assert.equal(namesOf(order.begin(all)), 'd b c a')
  for (const name of ['d', 'b', 'c', 'a']) order.asked(name, true)
  assert.equal(namesOf(order.begin(all)), 'a b c d', 'it has answered')
})

test('of those that are silent the one that was asked longest ago is the first, however long all this goes on', () => {
  const order = new AskOrder()
  const all = agents('a', 'b', 'c')
  const asked: string[] = []
  for (let round = 0; round < 6; round++) {
    const [first] = order.begin(all)
    asked.push(first!.address)
    order.asked(first!.address, false)
  }
  assert.equal(asked.join(' '), 'a b c a b c')
})

test('who has gone is new when it comes back', () => {
  const order = new AskOrder()
  order.begin(agents('a', 'b'))
  order.asked('a', false)
  order.begin(agents('b'))
  assert.equal(namesOf(order.begin(agents('a', 'b'))), 'a b')
})

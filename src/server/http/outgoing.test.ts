import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { AnyBody, Piece } from '#core'
import { ApiError, CallerGoneError } from './api-error.ts'
import { joined, Outgoing } from './outgoing.ts'

const LONG = 300_000

const responseOf = (destroyed = false) =>
  Object.assign(new EventEmitter(), { destroyed }) as unknown as ServerResponse & EventEmitter

/** A body that is made elsewhere, of `count` pieces; `left` tells whether its maker was told that nobody reads on. */
function bodyOf(points: number, count: number) {
  let made = 0
  const told = { left: false }
  const iterator: AsyncIterableIterator<Piece> = {
    [Symbol.asyncIterator]: () => iterator,
    next: async () =>
      made === count ? { done: true, value: undefined } : { done: false, value: Uint8Array.of(48 + made++) },
    return: async () => {
      told.left = true
      return { done: true, value: undefined }
    },
  }
  const body: AnyBody = { points, pieces: () => iterator }
  return { body, told }
}

test('a short body is gathered, whoever makes it, and in one piece it is there at once', async () => {
  const outgoing = new Outgoing(1)
  const pieces = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(48 + i))
  for (const count of [0, 1])
    assert.deepEqual(outgoing.take(responseOf(), { points: 1, pieces: () => pieces(count) }), pieces(count))
  for (const body of [{ points: 1, pieces: () => pieces(3) }, bodyOf(1, 3).body]) {
    const taken = await (outgoing.take(responseOf(), body) as Promise<readonly Piece[]>)
    assert.equal(joined(taken).toString(), '012')
  }
  assert.equal(outgoing.answers, 0)
})

test('a long body is held until its response is closed, and beside it no other that would be too much', async () => {
  const outgoing = new Outgoing(LONG)
  const first = responseOf()
  const stream = outgoing.take(first, bodyOf(LONG, 3).body)
  assert.ok(stream instanceof Readable)
  assert.equal(Buffer.concat(await Array.fromAsync(stream)).toString(), '012')
  const { body, told } = bodyOf(LONG, 3)
  assert.throws(() => outgoing.take(responseOf(), body), ApiError)
  assert.deepEqual([told.left, outgoing.refused, outgoing.points], [true, 1, LONG])
  first.emit('close')
  assert.deepEqual([outgoing.points, outgoing.answers], [0, 0])
})

test('whoever makes a body hears of it when nobody reads it, even if nobody has begun', async () => {
  const outgoing = new Outgoing(LONG)
  const gone = bodyOf(1, 3)
  assert.throws(() => outgoing.take(responseOf(true), gone.body), CallerGoneError)
  assert.ok(gone.told.left)
  const unread = bodyOf(LONG, 3)
  const stream = outgoing.take(responseOf(), unread.body) as Readable
  const closed = new Promise((resolve) => stream.once('close', resolve))
  stream.destroy()
  await closed
  assert.ok(unread.told.left)
})

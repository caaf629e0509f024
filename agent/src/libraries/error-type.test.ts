import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorType } from './error-type.ts'

test('an error is told by its code, else by its class, else not at all', () => {
  const cases = [
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'ECONNRESET', 'a code of the system'],
    [Object.assign(new Error('x'), { code: '23505' }), '23505', 'a SQLSTATE'],
    [new TypeError('x'), 'TypeError', 'a class'],
    [Object.assign(new Error('x'), { code: 'a message with words', name: 'and more' }), '_OTHER', 'words are no code'],
    [Object.assign(new Error('x'), { code: 'E'.repeat(41) }), 'Error', 'a code has an end'],
    [new (class ClosedError extends Error {})('x'), 'ClosedError', 'a class whose errors have no name of their own'],
    ['x', '_OTHER', 'what is no error has no type'],
    [null, '_OTHER', 'nor has nothing'],
    [new DOMException('x', 'AbortError'), 'aborted', 'given up by the caller, as fetch says it'],
    [Object.assign(new Error('x'), { code: 'ABORT_ERR' }), 'aborted', 'the same, as node:http says it'],
    [AbortSignal.timeout(0).reason ?? new DOMException('x', 'TimeoutError'), 'TimeoutError', 'too slow'],
  ] as const
  for (const [error, type, why] of cases) assert.equal(errorType(error), type, why)
})

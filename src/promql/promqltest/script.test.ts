import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseScript } from './script.ts'

test('a script is a list of commands with what they expect', () => {
  const commands = parseScript(
    [
      '# a comment',
      'load 5m',
      '  up{job="a"} 1 2',
      '',
      'eval instant at 1m30s sum(up)',
      '  expect warn msg: odd',
      '  expect no_info',
      '  {} 3',
      '',
      'eval_ordered range from 0 to 10m step 5 sort(up)',
      '',
      'clear',
      'eval instant at 5 1 + 1',
      '  2',
      '',
      'eval instant at 0 up[5m]',
      '  expect range vector from 1m to 2m step 60s',
      '',
      'eval_fail instant at 0 nope()',
      '  expected_fail_message unknown',
    ].join('\n'),
  )
  assert.deepEqual(
    commands.map(({ kind }) => kind),
    ['load', 'eval', 'eval', 'clear', 'eval', 'eval', 'eval'],
  )
})

test('a block ends at an empty line or a comment', () => {
  const [one, two] = parseScript('eval instant at 0 up\n  up 1\n# next\neval range from 0 to 1m step 1m up\n  up 1 2\n')
  assert.ok(one?.kind === 'eval' && two?.kind === 'eval')
  assert.equal(one.expect.series.length, 1)
  assert.deepEqual(two.when, { kind: 'range', start: 0, end: 60_000, stepMs: 60_000 })
})

test('what is expected beside the values is kept with its kind', () => {
  const [command] = parseScript('eval instant at 0 x\n  expect fail regex: no.*\n  expect info\n  expect ordered\n')
  assert.ok(command?.kind === 'eval')
  const { fail, failMessage, info, ordered, noWarn } = command.expect
  assert.deepEqual(
    [fail, failMessage, info, ordered, noWarn],
    [true, { kind: 'regex', text: 'no.*' }, [undefined], true, false],
  )
})

test('a line that is no command is named', () => {
  assert.throws(() => parseScript('\n\nload often\n'), /line 3: /)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runScript } from './run.ts'

const LOAD = 'load 1m\n  up{job="a"} 1 2 3\n\n'

const problems = async (body: string) => (await runScript(`${LOAD}${body}`)).map(({ problem }) => problem ?? 'passes')

test('a case passes when the answer is what the script says', async () => {
  assert.deepEqual(await problems('eval instant at 1m up\n  up{job="a"} 2\n'), ['passes'])
  assert.deepEqual(await problems('eval range from 0 to 2m step 1m up * 2\n  {job="a"} 2 4 6\n'), ['passes'])
  assert.deepEqual(await problems('clear\neval instant at 1m up\n'), ['passes'])
})

test('every way to differ is a problem', async () => {
  for (const body of [
    'eval instant at 1m up\n  up{job="a"} 2.1\n',
    'eval instant at 1m up\n',
    'eval instant at 1m up\n  up{job="b"} 2\n',
    'eval instant at 1m up\n  expect fail\n',
    'eval instant at 1m nope(up)\n',
    'eval instant at 1m up\n  expect warn\n  up{job="a"} 2\n',
    'eval instant at 1m up\n  expect info\n  up{job="a"} 2\n',
    'eval instant at 1m rate(up[2m])\n  expect no_info\n  {job="a"} 0.016666666666666666\n',
    'eval instant at 1m -up > bool nope(\n  expect fail msg: something else\n',
    'eval range from 0 to 2m step 1m up\n  up{job="a"} 1 2\n',
    'eval instant at 1m 1\n  2\n',
    'eval instant at 1m "a"\n  expect string "b"\n',
    'eval instant at 1m up\n  up{job="a"} {{sum:1}}\n',
  ])
    assert.notDeepEqual(await problems(body), ['passes'], body)
})

test('an instant case is asked as a range as well', async () => {
  // At 1m there is one sample, at 2m there are two that cannot be told apart.
  const body = 'load 1m\n  other{job="a"} _ _ 1\n\neval instant at 1m -{job="a"}\n  {job="a"} -2\n'
  assert.match((await problems(body))[0]!, /as a range query it failed/)
})

test('a script that cannot be read names the line', async () => {
  await assert.rejects(runScript('\nevaluate up\n'), /line 2: not a command/)
})

/** The errors that docs/reference/promql.md shows are those that are said. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ParseError, parse } from '#promql'

test('errors on the page of PromQL are said so', async () => {
  const page = await readFile('docs/reference/promql.md', 'utf8')
  const cases = [...page.matchAll(/```promql\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n\n'))
  assert.ok(cases.length >= 6, `${cases.length} cases`)
  for (const one of cases) {
    const [expr = '', said = ''] = one.split('\n# ')
    assert.throws(
      () => parse(expr),
      (error) => error instanceof ParseError && error.message === said,
      one,
    )
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAll as parse } from './features.test-support.ts'
import { prettyExpr } from './pretty.ts'

const LONG = 'a_metric_with_a_name_so_long_that_two_of_them_do_not_fit_into_a_line'
const cases: readonly { why: string; text: string; lines: readonly string[] }[] = [
  { why: 'what fits stays in its line', text: 'sum(up)by(job)', lines: ['sum by (job) (up)'] },
  {
    why: 'operators stand between their sides',
    text: `${LONG}/on(job)group_left()${LONG}{a="b"}`,
    lines: [`  ${LONG}`, '/ on (job) group_left ()', `  ${LONG}{a="b"}`],
  },
  {
    why: 'arguments and parameters have lines of their own',
    text: `topk without(x)(5, -label_replace(${LONG}, "destination", "$1", "source", "(.*)"))`,
    lines: [
      'topk without (x) (',
      '  5,',
      '  -label_replace(',
      `    ${LONG},`,
      '    "destination",',
      '    "$1",',
      '    "source",',
      '    "(.*)"',
      '  )',
      ')',
    ],
  },
  {
    why: 'parentheses and subqueries open and close around theirs',
    text: `max_over_time((${LONG} + ${LONG})[1h:5m] offset 5m)`,
    lines: ['max_over_time(', '  (', `      ${LONG}`, '    +', `      ${LONG}`, '  )[1h:5m] offset 5m', ')'],
  },
]
for (const { why, text, lines } of cases)
  test(why, () => {
    const printed = prettyExpr(parse(text))
    assert.deepEqual(printed.split('\n'), lines)
    assert.equal(prettyExpr(parse(printed)), printed, 'it reads back as what was printed')
  })

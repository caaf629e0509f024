/**
 * The engine in PromQL's own script language: our scripts in `testdata/`, and, where ASSAY_SHARED names a folder that
 * has them, Prometheus' own, each file held to the number of cases it has passed before.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAll as parse } from './features.test-support.ts'
import { formatExpr } from './print.ts'
import { runScript } from './promqltest/run.ts'
import { parseScript } from './promqltest/script.ts'

const OURS = fileURLToPath(new URL('testdata/', import.meta.url))
const SHARED = process.env['ASSAY_SHARED']

/** Cases passed of Prometheus 3.14's scripts, all of them; a ratchet: it only goes up. */
const PASSED: Readonly<Record<string, number>> = {
  'aggregators.test': 99,
  'at_modifier.test': 63,
  'duration_expression.test': 45,
  'extended_vectors.test': 128,
  'fill-modifier.test': 37,
  'functions.test': 331,
  'histograms.test': 133,
  'info.test': 36,
  'limit.test': 30,
  'literals.test': 21,
  'name_label_dropping.test': 21,
  'native_histograms.test': 400,
  'operators.test': 151,
  'range_queries.test': 16,
  'selectors.test': 26,
  'staleness.test': 10,
  'start_timestamps.test': 24,
  'subquery.test': 19,
  'trig_functions.test': 13,
  'type_and_unit.test': 44,
}

const scriptsIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.test'))
    .sort()
    .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }))

for (const { name, text } of scriptsIn(OURS)) {
  test(`every case of testdata/${name} is answered as its script says`, async () => {
    const outcomes = await runScript(text)
    assert.ok(outcomes.length > 5)
    const problems = outcomes.filter(({ problem }) => problem !== undefined)
    assert.deepEqual(problems, [])
  })
}

test('a printed expression of any script reads back the same', () => {
  const folders = SHARED === undefined ? [OURS] : [OURS, `${SHARED}/promqltest`]
  let count = 0
  for (const { text } of folders.flatMap(scriptsIn)) {
    for (const command of parseScript(text)) {
      if (command.kind !== 'eval') continue
      let expr: ReturnType<typeof parse>
      try {
        expr = parse(command.expr)
      } catch {
        assert.ok(command.expect.fail, `${command.expr} should parse`)
        continue
      }
      const printed = formatExpr(expr)
      assert.equal(formatExpr(parse(printed)), printed)
      count++
    }
  }
  assert.ok(count > 100)
})

if (SHARED !== undefined) {
  for (const { name, text } of scriptsIn(`${SHARED}/promqltest`)) {
    test(`no case of Prometheus' ${name} that passed before fails now`, async () => {
      const outcomes = await runScript(text)
      const failed = outcomes.filter(({ problem }) => problem !== undefined)
      const passed = outcomes.length - failed.length
      const floor = PASSED[name] ?? 0
      const report = failed.map(({ line, expr, problem }) => `${name}:${line} ${expr}\n    ${problem}`).join('\n')
      assert.ok(passed >= floor, `${passed} of ${outcomes.length} passed, ${floor} did before:\n${report}`)
    })
  }
}

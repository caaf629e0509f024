/** NaN, infinities and the ends of the doubles as every argument of every function and on both sides of every operator: nothing throws. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FEATURES, unixMs } from '#core'
import { AGGREGATORS, createEngine, FUNCTIONS, type FunctionDoc, QueryError } from '#promql'
import { SPAN_MS, START_MS } from '../prometheus/data-set.ts'
import { oddStore } from './good-input.ts'

const SCALARS = ['NaN', 'Inf', '-Inf', '-0', '0', '5e-324', '-1.7976931348623157e308', '1e300', '9223372036854775808']
const VECTORS = [
  ...['odd', '{__name__=~"rpc_seconds|size_bytes|odd"}', 'latency_seconds_bucket', 'vector(NaN)', '-odd'],
  ...['odd * Inf', 'none', 'half_and_half', 'empty_histogram', 'load_distribution * NaN', 'rpc_seconds / 0'],
]
const TEXTS = ['""', '"job"', '"__name__"', '"(.*)"', '"$1"', '"ü\\n"']
const OPERATORS = '+ - * / % ^ atan2 == != > < >= <= and or unless </ >/'.split(' ')

const MATRICES = VECTORS.map((vector) => (/^\w+$/.test(vector) ? `${vector}[7m]` : `(${vector})[7m:30s]`))

/** Only what Prometheus refuses too may be refused, and as a fault of the data. */
const MAY_BE_REFUSED =
  /same labelset|NaN; write|(?:over|under)flows int64|invalid (?:smoothing|trend) factor|invalid (?:destination |source )?label name|invalid regular expression|multiple matches|duplicate series|conflicting label|info metric|not allowed for Scalar/

const store = oddStore()
const engine = createEngine({
  store: (start, end) => store.querier(unixMs(start), unixMs(end)),
  features: new Set(FEATURES),
})
const AT = unixMs(START_MS + SPAN_MS / 2)
const WHENS = [{ at: AT }, { start: AT, end: unixMs(AT + 300_000), stepMs: 60_000 }] as const

async function answered(text: string): Promise<boolean> {
  let count = 0
  for (const when of WHENS) {
    try {
      await engine.query(text, when)
      count++
    } catch (thrown) {
      assert.ok(thrown instanceof QueryError, `${text}: ${thrown instanceof Error ? thrown.stack : thrown}`)
      assert.match(thrown.message, MAY_BE_REFUSED, text)
    }
  }
  return count > 0
}

const OF_TYPE = { scalar: SCALARS, vector: VECTORS, matrix: MATRICES, string: TEXTS } as const

/** Calls in which each argument is each of the odd ones in turn, the others being the first that fit. */
function callsOf({ name, args, optional, repeats }: FunctionDoc): readonly string[] {
  if (args.length === 0) return [`${name}()`]
  const fewer = optional > 0 || (repeats && name !== 'histogram_quantiles')
  const counts = fewer ? [args.length, args.length - 1] : [args.length]
  return counts.flatMap((count) =>
    args.slice(0, count).flatMap((type, turn) =>
      OF_TYPE[type].map((odd) => {
        const filled = args.slice(0, count).map((other, i) => (i === turn ? odd : usual(name, other, i)))
        return `${name}(${filled.join(', ')})`
      }),
    ),
  )
}

function usual(name: string, type: FunctionDoc['args'][number], place: number): string {
  if (name === 'info' && place === 1) return '{version=~".+"}'
  if (type === 'scalar') return '0.5'
  if (type === 'string') return place === 4 ? '"(.*)"' : '"job"'
  return OF_TYPE[type][0]!
}

for (const one of FUNCTIONS.values()) {
  test(`nothing that ${one.name}() is given makes it throw`, async () => {
    let count = 0
    for (const call of callsOf(one)) {
      // info() takes no vector but a selector of labels in its second place.
      if (one.name === 'info' && !/^info\([^,]*(?:, \{version=~"\.\+"\})?\)$/.test(call)) continue
      if (await answered(call)) count++
    }
    assert.ok(count > 0, 'some are answered')
  })
}

for (const op of OPERATORS) {
  test(`nothing on either side makes ${op} throw`, async () => {
    const isSet = ['and', 'or', 'unless'].includes(op)
    const bool = ['==', '!=', '>', '<', '>=', '<='].includes(op) ? ' bool' : ''
    for (const left of VECTORS) {
      for (const right of isSet ? VECTORS : [...VECTORS, ...SCALARS]) {
        await answered(`(${left}) ${op} (${right})`)
        if (!isSet && SCALARS.includes(right)) await answered(`(${right}) ${op} (${left})`)
      }
    }
    if (!isSet) for (const a of SCALARS) for (const b of SCALARS) await answered(`(${a}) ${op}${bool} (${b})`)
  })
}

for (const op of AGGREGATORS) {
  test(`nothing makes ${op} throw`, async () => {
    const params =
      op === 'count_values'
        ? TEXTS
        : ['topk', 'bottomk', 'limitk', 'limit_ratio', 'quantile'].includes(op)
          ? SCALARS
          : []
    for (const vector of VECTORS) {
      if (params.length === 0) assert.ok(await answered(`${op} by (kind) (${vector})`))
      for (const param of params) await answered(`${op}(${param}, ${vector})`)
    }
  })
}

test('modifiers take whatever number there is, or refuse it with a place', async () => {
  for (const number of [...SCALARS, '1e15', '-1e15', '1e12', '9e9', '292y', '1ms']) {
    for (const text of [
      `odd @ ${number}`,
      `odd offset ${number}`,
      `rate(odd[${number}])`,
      `max_over_time(odd[5m:${number}])`,
    ]) {
      try {
        await engine.query(text, { at: AT })
      } catch (thrown) {
        assert.match(
          String((thrown as { code?: string }).code),
          /^ASSAY_PROMQL_(?:PARSE|EVAL|LIMIT)$/,
          `${text}: ${thrown}`,
        )
        assert.match((thrown as Error).message, /^1:\d+: .*; \w+/, text)
      }
    }
  }
})

/** `query`, `query_range`, `format_query`, `parse_query`. */
import { type AnyBody, type Asked, type BodyFn, bodiesOf, messageOf } from '#core'
import { type Expr, parse, prettyExpr } from '#promql'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { bounded, type Call, type Handler } from './call.ts'
import { success } from './render.ts'
import { translateAst } from './translate-ast.ts'

export const query: Handler = (call) => {
  const { deps, params } = call
  const limit = params.limit()
  const at = params.timeOr('time', deps.clock.now())
  return ask(call, limit, (asked) => ({ ...asked, at }))
}

export const queryRange: Handler = (call) => {
  const { deps, params } = call
  const limit = params.limit()
  const start = params.time('start')
  const end = params.time('end')
  if (end < start) throw invalidParam('end', 'end timestamp must not be before start time')
  const stepMs = Math.floor(params.requiredDuration('step'))
  if (stepMs <= 0)
    throw invalidParam('step', 'zero or negative query resolution step widths are not accepted. Try a positive integer')
  if (Math.floor((end - start) / stepMs) > deps.limits.maxPoints) {
    const most = deps.limits.maxPoints.toLocaleString('en-US')
    throw new ApiError(
      'bad_data',
      `exceeded maximum resolution of ${most} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    )
  }
  return ask(call, limit, (asked) => ({ ...asked, start, end, stepMs }))
}

export const formatQuery: Handler = (call) => success(prettyExpr(parseExpr(call)))

export const parseTree: Handler = (call) => success(translateAst(parseExpr(call), call.params.get('query')))

/** The expression of parameter `query`. `refuse` words the refusal. */
export function parseExpr({ deps, params }: Call, refuse = (message: string) => invalidParam('query', message)): Expr {
  try {
    return parse(params.get('query'), deps.features)
  } catch (thrown) {
    throw refuse(messageOf(thrown))
  }
}

type When = Parameters<Call['deps']['query']>[1]

async function ask(call: Call, limit: number | undefined, when: (asked: Asked) => When): Promise<AnyBody> {
  const { deps, params } = call
  const stats = params.get('stats')
  // Checked in Prometheus' order: the first thing that is wrong is the one that is told.
  const timeoutMs = params.duration('timeout')
  const lookbackMs = params.lookbackDelta()
  const began = deps.clock.monotonicMs()
  const bodies: BodyFn = deps.bodies ?? bodiesOf(deps.query, deps.clock)
  return bounded(
    call,
    ({ signal }) =>
      bodies(
        params.get('query'),
        when({
          ...(lookbackMs > 0 ? { lookbackMs } : {}),
          ...(stats === 'all' ? { perStepStats: true } : {}),
          origin: { httpRequest: call.from, queuedMs: deps.clock.monotonicMs() - began },
        }),
        { ...(limit === undefined ? {} : { limit }), withStats: stats !== '', warnings: deprecated(stats) },
        signal,
      ),
    timeoutMs,
  )
}

/** What Prometheus says, since 3.14, of a `stats` that it will refuse one day. */
function deprecated(stats: string): readonly string[] {
  if (['', 'true', 'all'].includes(stats)) return []
  return [
    `value ${JSON.stringify(stats)} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
  ]
}

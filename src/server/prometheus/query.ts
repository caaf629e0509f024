/** `query`, `query_range`, `query_exemplars`, `format_query`, `parse_query`. */
import { formatExpr, parse } from '#promql'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import { bounded, type Handler } from './call.ts'
import { renderAnswer, success } from './render.ts'

export const query: Handler = (call) => {
  const { deps, params } = call
  const limit = params.limit()
  const at = params.timeOr('time', deps.clock.now())
  const promql = params.get('query')
  return bounded(call, async (signal) => renderAnswer(await deps.query(promql, { at }, signal), limit))
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
  const promql = params.get('query')
  return bounded(call, async (signal) => renderAnswer(await deps.query(promql, { start, end, stepMs }, signal), limit))
}

/** No exemplars are kept: the question is checked, the answer is empty, and Grafana's probe is content. */
export const queryExemplars: Handler = ({ params }) => {
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  if (end < start) throw new ApiError('bad_data', 'end timestamp must not be before start timestamp')
  parse(params.get('query'))
  return success([])
}

export const formatQuery: Handler = ({ params }) => success(formatExpr(parse(params.get('query'))))

/** The tree of an expression, in our own shape: nodes with `kind` and `span`. */
export const parseTree: Handler = ({ params }) =>
  success(JSON.parse(JSON.stringify(parse(params.get('query')), (_, value) => (value === Infinity ? '+Inf' : value))))

/**
 * `query_exemplars`: the exemplars of every series that a selector of the expression matches.
 *
 * Without a store (`--enable-feature=exemplar-storage`) the question is checked and the answer is empty, as in Prometheus.
 */
import { formatValue, instantJson } from '#core'
import { selectorsOf } from '#promql'
import type { SeriesExemplars } from '#storage'
import { ApiError } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import { bounded, type Handler } from './call.ts'
import { parseExpr } from './query.ts'
import { NO_CONTENT, success } from './render.ts'

export const queryExemplars: Handler = (call) => {
  const { deps, params } = call
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  if (end < start) throw new ApiError('bad_data', 'end timestamp must not be before start timestamp')
  const sets = selectorsOf(parseExpr(call, (message) => new ApiError('bad_data', message))).map(
    ({ matchers }) => matchers,
  )
  if (sets.length === 0) return NO_CONTENT
  const store = deps.exemplars
  if (store === undefined) return success([])
  return bounded(call, async () => ({ data: `[${store.select(sets, start, end).map(renderSeries).join(',')}]` }))
}

function renderSeries({ labels, exemplars }: SeriesExemplars): string {
  const listed = exemplars.map(
    (one) =>
      `{"labels":${JSON.stringify(one.labels)},"value":"${formatValue(one.value)}","timestamp":${instantJson(one.at)}}`,
  )
  return `{"seriesLabels":${JSON.stringify(labels)},"exemplars":[${listed.join(',')}]}`
}

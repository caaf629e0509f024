/**
 * What is switched off here: `admin/tsdb/*`, the experimental `search/*`, and the deletion of series, which Prometheus never had
 * under `series`.
 *
 * Each answers as a Prometheus in which it is off: clients know that answer.
 */
import { ApiError } from '../http/api-error.ts'
import type { Handler } from './call.ts'

export const adminDisabled: Handler = () => {
  throw new ApiError('unavailable', 'admin APIs disabled', { status: 500 })
}

export const searchDisabled: Handler = () => {
  throw new ApiError('unavailable', 'search API disabled', { status: 500 })
}

export const dropSeries: Handler = () => {
  throw new ApiError('internal', 'not implemented')
}

/**
 * `admin/tsdb/*` and the deletion of series, which Prometheus never had under `series`.
 *
 * Deleting is not possible yet, so each answers as a Prometheus whose admin API is off: clients know that answer.
 */
import { ApiError } from '../http/api-error.ts'
import type { Handler } from './call.ts'

export const adminDisabled: Handler = () => {
  throw new ApiError('unavailable', 'admin APIs disabled', { status: 500 })
}

export const dropSeries: Handler = () => {
  throw new ApiError('internal', 'not implemented')
}
